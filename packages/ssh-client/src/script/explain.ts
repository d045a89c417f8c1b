import type { Link } from "../link.ts";
import type { Refusal } from "./output-reader.ts";

/** The facts about a script that did not run. */
export interface NotRun {
  link: Link;
  sudo: boolean;
  refusal: Refusal | undefined;
  /** Whether the host printed the mark. */
  greeted: boolean;
  /** The text that the host printed to both outputs. */
  said: string;
  /** The end of the session, such as `exit code 0`. */
  end: string;
}

interface Explanation {
  why: string;
  hint: string;
}

/** How many characters of the host's text are shown. */
const MAX_SAID = 500;

/** Explains why a script did not run, with a hint. */
export function explainNotRun(facts: NotRun): Explanation {
  const { link, sudo, refusal, greeted } = facts;
  const { user } = link.endpoint;
  switch (refusal) {
    case "terminal":
      return {
        why: "the host runs commands in a terminal, which changes what is sent",
        hint: "Let its ForceCommand or the login shell run `$SSH_ORIGINAL_COMMAND` without a terminal.",
      };
    case "lost":
      return {
        why: "something else on the host has read what was sent, so nothing was run",
        hint:
          `Let the start files of ${user}'s login shell, such as .bashrc, read standard input and start other ` +
          "shells only where there is a terminal (`[ -t 0 ]`).",
      };
    case "not-root":
      return {
        why: "sudo ran it as another user than root, so nothing was done",
        hint: "Remove `runas_default` from the host's sudoers for this user, or log in as root.",
      };
    case "too-much-noise":
      return { why: `the host did not run it and printed too much: ${quote(facts)}`, hint: START_HINT };
    case undefined:
      break;
  }
  if (greeted && sudo) {
    return {
      why: `sudo did not run the command of ${user}: ${quote(facts)}`,
      hint: `It must not ask for a password (sudoers: \`${user} ALL=(ALL) NOPASSWD: ALL\`); or log in as root without \`sudo\`.`,
    };
  }
  return { why: `${user} cannot run commands there: ${quote(facts)}`, hint: START_HINT };
}

const START_HINT =
  "The login shell, one of its start files or sshd's configuration (ForceCommand) runs something else.";

function quote({ said, end }: NotRun): string {
  if (said === "") return end;
  const text = said.length <= MAX_SAID ? said : `${said.slice(0, MAX_SAID)} …`;
  return `${text.replaceAll("\n", " / ")} (${end})`;
}
