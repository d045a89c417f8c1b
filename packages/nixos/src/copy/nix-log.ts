/** Numbers of Nix's `internal-json` log (libutil/logging.hh). */
const COPY_PATH = 100;
const COPY_PATHS = 103;
const PROGRESS = 105;
const SET_EXPECTED = 106;
const ERROR_LEVEL = 0;

const MAX_ERRORS = 20;

/** Reads the log of `nix copy --log-format internal-json`. */
export class NixLog {
  /** The errors, without terminal colours; at most 20. */
  readonly errors: string[] = [];
  readonly #types = new Map<number, number>();
  readonly #bytes = new Map<number, number>();
  #paths = { done: 0, expected: 0 };
  #expectedBytes = 0;

  takeLine(line: string): void {
    const event = parse(line);
    if (event === undefined) {
      if (line.trim() !== "") this.#addError(line);
      return;
    }
    const { action, id = -1, type = -1, fields = [] } = event;
    if (action === "start") this.#types.set(id, type);
    if (action === "msg" && event.level === ERROR_LEVEL && event.msg !== undefined) this.#addError(event.msg);
    if (action !== "result") return;
    const [first = 0, second = 0] = fields.map(Number);
    const activity = this.#types.get(id);
    if (type === PROGRESS && activity === COPY_PATHS) this.#paths = { done: first, expected: second };
    if (type === PROGRESS && activity === COPY_PATH) this.#bytes.set(id, first);
    if (type === SET_EXPECTED && first === COPY_PATH) this.#expectedBytes = second;
  }

  /** Text such as `3 of 7 paths, 1.5 of 20.0 MiB`; empty until Nix reports the number of paths. */
  get progress(): string {
    const { done, expected } = this.#paths;
    if (expected === 0) return "";
    const copied = [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
    const bytes =
      this.#expectedBytes === 0 ? "" : `, ${mebibytes(copied)} of ${mebibytes(this.#expectedBytes)} MiB`;
    return `${done} of ${expected} paths${bytes}`;
  }

  #addError(message: string): void {
    const text = stripColours(message).trim();
    if (this.errors.length < MAX_ERRORS && !this.errors.includes(text)) this.errors.push(text);
  }
}

interface Event {
  action?: string;
  id?: number;
  type?: number;
  level?: number;
  msg?: string;
  fields?: unknown[];
}

function parse(line: string): Event | undefined {
  if (!line.startsWith("@nix ")) return undefined;
  try {
    return JSON.parse(line.slice("@nix ".length)) as Event;
  } catch {
    return undefined;
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}

function stripColours(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/\u001b\[[0-9;]*m/g, "");
}
