import type { Marks } from "./protocol.ts";

/**
 * - `greeting`: the text before the mark, such as the output of a start file
 * - `entering`: the text between the mark and the script, such as a message of sudo
 * - `running`: the output of the script
 * - `ended`: the text after the output
 * - `refused`: the script will not run
 */
type Phase = "greeting" | "entering" | "running" | "ended" | "refused";

/** Why a script will not run. */
export type Refusal = "terminal" | "lost" | "not-root" | "too-much-noise";

/** The most bytes that a host may print before the script runs. */
const MAX_NOISE_BYTES = 64 * 1024;

const MAX_EXIT_CODE_LENGTH = 8;

/** Parses the standard output of a session. Only the bytes between the marks are output. */
export class OutputReader {
  phase: Phase = "greeting";
  refusal: Refusal | undefined;
  /** The exit code of the script, or of the command that failed to run it. */
  exitCode: number | undefined;
  /** The text that the host printed before the script ran, without the marks. */
  noise = "";
  /** Whether the host sends standard error on standard output. */
  joined = false;
  /** The bytes that are not parsed yet. */
  rest: Buffer = Buffer.alloc(0);
  readonly #marks: Marks;
  readonly #stream: boolean;
  readonly #onOutput: (bytes: Buffer) => void;

  /** With `stream`, the output has no end mark and stays in `rest`. */
  constructor(marks: Marks, options: { stream: boolean; onOutput: (bytes: Buffer) => void }) {
    this.#marks = marks;
    this.#stream = options.stream;
    this.#onOutput = options.onOutput;
  }

  push(chunk: Buffer): void {
    this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    if (this.phase === "greeting") this.#readGreeting();
    if (this.phase === "entering") this.#readEntry();
    if (this.phase === "running" && !this.#stream) this.#readOutput();
  }

  /** Returns the text so far that is not output of the script. */
  get said(): string {
    const { mark, secret } = this.#marks;
    const text = this.phase === "running" ? this.noise : this.noise + this.rest.toString("utf8");
    const lines = text.split(/\r?\n/).filter((line) => !line.includes(mark) && !line.includes(secret));
    return lines.join("\n").trim();
  }

  #readGreeting(): void {
    const { mark } = this.#marks;
    const match = this.#find(new RegExp(`${mark} (ready|terminal)\r?\n`));
    if (match === undefined) return;
    if (match[1] === "terminal") return this.#refuse("terminal");
    this.joined = this.noise.includes(`${mark}\n`);
    this.phase = "entering";
  }

  #readEntry(): void {
    const { mark, secret } = this.#marks;
    const match = this.#find(
      new RegExp(`${mark} (lost)\n|${secret} (run|not-root)\n|\n${secret} end (\\d+)\n`),
    );
    if (match === undefined) return;
    if (match[1] === "lost") return this.#refuse("lost");
    if (match[2] === "not-root") return this.#refuse("not-root");
    if (match[3] !== undefined) this.exitCode = Number(match[3]);
    this.phase = match[2] === "run" ? "running" : "refused";
  }

  /** Drops the text up to the end of a match, and returns the match. */
  #find(pattern: RegExp): RegExpExecArray | undefined {
    // One character for each byte, so that the lengths are equal.
    const text = this.rest.toString("latin1");
    const match = pattern.exec(text);
    if (match === null) {
      if (text.length > MAX_NOISE_BYTES) this.#refuse("too-much-noise");
      return undefined;
    }
    const end = match.index + match[0].length;
    this.noise += this.rest.subarray(0, end).toString("utf8");
    this.rest = this.rest.subarray(end);
    return match;
  }

  #readOutput(): void {
    const mark = Buffer.from(`\n${this.#marks.secret} end `);
    const at = this.rest.indexOf(mark);
    if (at === -1) return this.#emit(this.#lengthWithout(mark));
    this.#emit(at);
    const match = /^(\d+)\n/.exec(
      this.rest.subarray(mark.length).toString("latin1", 0, MAX_EXIT_CODE_LENGTH),
    );
    if (match === null) return;
    this.rest = this.rest.subarray(mark.length + match[0].length);
    this.exitCode = Number(match[1]);
    this.phase = "ended";
  }

  /** Returns where the output ends so far. A part that may be the beginning of the mark is not output yet. */
  #lengthWithout(mark: Buffer): number {
    const newline = this.rest.lastIndexOf("\n");
    const tail = this.rest.subarray(newline);
    const mayBeMark = newline !== -1 && tail.equals(mark.subarray(0, tail.length));
    return mayBeMark ? newline : this.rest.length;
  }

  #emit(length: number): void {
    if (length > 0) this.#onOutput(this.rest.subarray(0, length));
    this.rest = this.rest.subarray(length);
  }

  #refuse(refusal: Refusal): void {
    this.refusal = refusal;
    this.phase = "refused";
  }
}
