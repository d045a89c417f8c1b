import { join } from "node:path";
import { builtProvider, type Member } from "../../harness/index.ts";

/** The members of one round by their names. Their inputs are plain values. */
export type Round = Record<string, Extract<Member<string>, { inputs: unknown }>>;

const MEMOS = 7;
const FILES = 3;
const KEYS = 2;
const EXECS = 2;
/** An event of this size is written in parts. */
const LARGE = 300_000;

/** Notes the process ID of a provider in the name of a file, before the provider starts. */
const NOTE_PID = ': > "$1.$$"; exec "$0"';

/** Runs until the file `go` exists. */
const PROGRAM = 'until [ -e go ]; do sleep 0.02; done; sleep 0.1; echo "$0"';

/** Returns a deployment that updates the members of the rounds before, and creates new ones. */
export function membersOf(folder: string, round: number): Round {
  const provider = (name: string, member: string) => ({
    executable: "/bin/sh",
    args: ["-c", NOTE_PID, builtProvider(name), join(folder, "started", member)],
  });
  const local = (type: string, member: string, inputs: object, state?: string): Round => {
    const resource = { provider: provider("local", member), type, inputs: { ...inputs } };
    return { [member]: state === undefined ? resource : { ...resource, state } };
  };
  const key = (member: string): Round => {
    const inputs = { privateKeyFile: `keys/${member}`, comment: `round ${round}` };
    return {
      [member]: { provider: provider("ssh-keypair", member), type: "keypair", inputs, state: "state" },
    };
  };
  const exec = (name: string, state?: string) =>
    local("exec", name, { executable: "sh", args: ["-c", PROGRAM, `round ${round}`] }, state);
  const memo = (name: string, value: string) => local("memo", name, { initialize_with: value }, "state");
  const numbered = (count: number, make: (n: number) => Round) =>
    Array.from({ length: count }, (_, n) => make(n));
  return Object.assign(
    local("state_file", "state", { name: "state.json", compactAfterEvents: 50 }),
    memo("memo-large", "x".repeat(LARGE) + round),
    ...numbered(MEMOS, (n) => memo(`memo-${n}`, `round ${round}`)),
    ...numbered(MEMOS, (n) => memo(`memo-${n}-of-${round}`, `round ${round}`)),
    ...numbered(FILES, (n) =>
      local("file", `file-${n}`, { name: `files/${n}`, contents: `${round} `.repeat(LARGE), mode: "0600" }),
    ),
    ...numbered(KEYS, (n) => key(`key-${n}`)),
    ...numbered(KEYS, (n) => key(`key-${n}-of-${round}`)),
    ...numbered(EXECS, (n) => exec(`exec-${n}`, "state")),
    exec("exec"),
  ) as Round;
}
