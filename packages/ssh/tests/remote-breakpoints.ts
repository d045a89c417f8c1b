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

/** What scripts on the host call to change something, and one by which each of them begins to look for sshd. */
const PROGRAMS = ["ssh-keygen", "mv", "cp", "rm", "sync", "chmod", "tr", "dd"];

/**
 * Programs for the PATH of a host that count their calls, and stop before the call with a given number until
 * they are told how to go on.
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

  /** For `extraPath` of the host. */
  get folder(): string {
    return this.#folder;
  }

  /** Counts from 1 again; 0 stops nothing. */
  stopAt(call: number): void {
    writeFileSync(this.#path("calls"), "");
    rmSync(this.#path("dead"), { force: true });
    writeFileSync(this.#path("stop-at"), String(call));
  }

  /** One line a call, since `stopAt`. */
  calls(): string[] {
    return readFileSync(this.#path("calls"), "utf8").trim().split("\n");
  }

  async stopped(): Promise<void> {
    await eventually(() => existsSync(this.#path("stopped")), 30);
  }

  /** The script that made the call runs on to its end. */
  async goOnToEnd(): Promise<void> {
    const shell = this.#shell();
    this.#goOn();
    await eventually(() => !existsSync(`/proc/${shell}`));
  }

  /** The script that made the call dies before it is carried out. */
  kill(): void {
    try {
      process.kill(this.#shell(), "SIGKILL");
    } catch (error) {
      // sshd may have ended it with the connection.
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
