import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./lab.ts";

/** The programs that scripts call on the host to change something, and `tr`, the first call of the search for sshd. */
const PROGRAMS = ["ssh-keygen", "mv", "cp", "rm", "sync", "chmod", "tr", "dd"];

/**
 * Wrappers of programs, for the PATH of a host. They count their calls, and the call with a given number waits until it
 * is told how to continue.
 */
export class RemoteBreakpoints {
  readonly #folder = mkdtempSync(join(tmpdir(), "breakpoints-"));

  constructor() {
    const script = this.#path("program");
    writeFileSync(
      script,
      `#!/bin/sh
folder=${this.#folder}
PATH=/usr/bin:/bin
name=\${0##*/}
case "$name $*" in "ssh-keygen -y"*) exec ssh-keygen "$@" ;; esac
echo "$name $*" >>"$folder/calls"
if [ "$(wc -l <"$folder/calls")" = "$(cat "$folder/stop-at")" ]; then
  echo $PPID >"$folder/stopping"
  mv "$folder/stopping" "$folder/stopped"
  while [ -e "$folder/stopped" ]; do sleep 0.01; done
  if [ -e "$folder/dead" ]; then exit 1; fi
fi
exec "$name" "$@"
`,
    );
    chmodSync(script, 0o755);
    for (const name of PROGRAMS) symlinkSync(script, this.#path(name));
    this.stopAt(0);
  }

  /** The folder for the host's `extraPath`. */
  get folder(): string {
    return this.#folder;
  }

  /** Resets the count to 1, and stops at this call; 0 stops nothing. */
  stopAt(call: number): void {
    writeFileSync(this.#path("calls"), "");
    rmSync(this.#path("dead"), { force: true });
    writeFileSync(this.#path("stop-at"), String(call));
  }

  /** Returns the calls since `stopAt`, one per line. */
  calls(): string[] {
    return readFileSync(this.#path("calls"), "utf8").trim().split("\n");
  }

  async stopped(): Promise<void> {
    await eventually(() => existsSync(this.#path("stopped")), 30);
  }

  /** Continues the call, and waits for the end of its script. */
  async goOnToEnd(): Promise<void> {
    const shell = this.#shell();
    this.#goOn();
    await eventually(() => !existsSync(`/proc/${shell}`));
  }

  /** Kills the script, so that the call is not carried out. */
  kill(): void {
    try {
      process.kill(this.#shell(), "SIGKILL");
    } catch (error) {
      // sshd may have killed the script together with the connection.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
    writeFileSync(this.#path("dead"), "");
    this.#goOn();
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #shell(): number {
    return Number(readFileSync(this.#path("stopped"), "utf8"));
  }

  #goOn(): void {
    rmSync(this.#path("stopped"));
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}
