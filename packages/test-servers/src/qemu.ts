import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { QmpClient } from "./qmp.ts";

/** The id of the network backend that {@link VirtualMachine.setLink} acts on. */
export const NETWORK_ID = "net";

export interface VirtualMachine {
  pid: number;
  /** All that was written to the serial port so far. */
  console(): string;
  /** Waits until `pattern` is on the console, beyond the first `seen` characters. */
  waitForConsole(pattern: RegExp, timeoutSeconds: number, seen?: number): Promise<void>;
  /** Resets the machine as its button does: what the guest had not yet written to its disk is lost. */
  powerCycle(): Promise<void>;
  /** Pulls the network cable, or puts it back; until the next reset. */
  setLink(up: boolean): Promise<void>;
  /** Ends the machine at once. */
  stop(): Promise<void>;
}

/**
 * QEMU, which ends with this process at the latest. Each boot of the machine, also after a reset, is a new process: the cache
 * of translated code from one boot can slow down the next (seen: 18 s instead of 0.6 s).
 */
export class QemuProcess implements VirtualMachine {
  readonly #command: string[];
  readonly #consoleFile: string;
  #process!: ChildProcessWithoutNullStreams;
  #qmp!: QmpClient;
  /** Settles when QEMU has ended, and the next one runs if there is one. */
  #ended!: Promise<void>;
  #isOn = true;
  #stderr = "";

  /** `command` starts QEMU; what is common to all machines is added to it. */
  constructor(command: string[], consoleFile: string) {
    this.#consoleFile = consoleFile;
    writeFileSync(consoleFile, "");
    const console = [
      "-chardev",
      `file,id=console,path=${consoleFile},append=on`,
      "-serial",
      "chardev:console",
    ];
    const common = ["-accel", "tcg,thread=multi", "-nodefaults", "-no-user-config", "-display", "none"];
    this.#command = [...command, ...common, ...console, "-qmp", "stdio", "-action", "reboot=shutdown"];
  }

  /** Resolves when QEMU runs. */
  async begin(): Promise<void> {
    this.#process = spawn("setpriv", ["--pdeathsig", "KILL", ...this.#command]);
    this.#process.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.#process.on("error", (error) => (this.#stderr += error.message));
    let isReset = false;
    this.#qmp = new QmpClient(this.#process.stdin, this.#process.stdout, ({ event, data }) => {
      isReset ||= event === "SHUTDOWN" && String(data?.["reason"]).endsWith("-reset");
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#process.once("close", () => {
        this.#isOn &&= isReset;
        if (this.#isOn) this.begin().then(resolve, reject);
        else resolve();
      });
    });
    this.#ended.catch(() => {}); // The next one does not start, which #stderr tells to who waits for the machine.
    try {
      await this.#qmp.execute("qmp_capabilities");
    } catch (error) {
      throw new Error(`the virtual machine does not start: ${this.#stderr}`, { cause: error });
    }
  }

  get pid(): number {
    return this.#process.pid!;
  }

  console(): string {
    return readFileSync(this.#consoleFile, "utf8");
  }

  waitForConsole(pattern: RegExp, timeoutSeconds: number, seen = 0): Promise<void> {
    return this.waitFor(`${pattern} on the console`, timeoutSeconds, async () =>
      pattern.test(this.console().slice(seen)),
    );
  }

  async powerCycle(): Promise<void> {
    const ended = this.#ended;
    await this.#qmp.execute("system_reset");
    await ended;
  }

  async setLink(up: boolean): Promise<void> {
    await this.#qmp.execute("set_link", { name: NETWORK_ID, up });
  }

  async stop(): Promise<void> {
    this.#isOn = false;
    this.#process.kill("SIGKILL");
    await this.#ended;
  }

  protected async waitFor(
    what: string,
    timeoutSeconds: number,
    isThere: () => Promise<boolean>,
  ): Promise<void> {
    const deadline = Date.now() + timeoutSeconds * 1000;
    while (!(await isThere())) {
      const why = !this.#isOn
        ? "it has ended"
        : Date.now() > deadline
          ? `not within ${timeoutSeconds} s`
          : undefined;
      if (why !== undefined) {
        throw new Error(
          `waiting for ${what} of the virtual machine: ${why}\n${this.#stderr}\nthe end of its console:\n${this.console().slice(-3000)}`,
        );
      }
      await sleep(100);
    }
  }
}
