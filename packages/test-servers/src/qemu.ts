import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { QmpClient } from "./qmp.ts";

/** The ID of the network backend that {@link VirtualMachine.setLink} changes. */
export const NETWORK_ID = "net";

export interface VirtualMachine {
  pid: number;
  /** Returns everything that was written to the serial port so far. */
  console(): string;
  /** Waits until `pattern` matches the console output after the first `seen` characters. */
  waitForConsole(pattern: RegExp, timeoutSeconds: number, seen?: number): Promise<void>;
  /** Resets the machine like its reset button: the guest loses data that it has not written to its disk. */
  powerCycle(): Promise<void>;
  /** Disconnects or connects the network cable. A reset connects it. */
  setLink(up: boolean): Promise<void>;
  /** Stops the machine at once. */
  stop(): Promise<void>;
}

/**
 * A QEMU process, which ends with this process at the latest. Each boot of the machine, also after a reset, is a new
 * process: the translated code of one boot can slow down the next one (measured: 18 s instead of 0.6 s).
 */
export class QemuProcess implements VirtualMachine {
  readonly #command: string[];
  readonly #consoleFile: string;
  #process!: ChildProcessWithoutNullStreams;
  #qmp!: QmpClient;
  /** Settles when QEMU has exited and, after a reset, the next process runs. */
  #ended!: Promise<void>;
  #isOn = true;
  #stderr = "";

  /** `command` is the command line of QEMU, to which the options of all machines are added. */
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

  /** Starts QEMU, and resolves when it runs. */
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
    this.#ended.catch(() => {}); // When the next process cannot start, waitFor fails with #stderr.
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
