import { ProviderError } from "@nixops4-providers/provider-sdk";
import { PveError } from "../client/errors.ts";
import { askUntil } from "../guest/addresses.ts";
import { labelOf } from "../guest/guest.ts";
import type { Observed } from "../guest/observe.ts";
import { AGENT_HINT, askAgent, expectAgent } from "./agent.ts";
import type { Run } from "./run.ts";

const PUBLIC_KEY =
  /^((ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) AAAA[A-Za-z0-9+/]+={0,2})(?: [^\n]*)?\n?$/;

/**
 * Returns the public SSH host key that the guest generated. It is read through the hypervisor, so the network to the guest
 * need not be trusted.
 */
export async function hostPublicKeyOf({ client, inputs }: Run, seen: Observed): Promise<string | null> {
  const { waitForHostKey: wait } = inputs;
  if (wait === undefined) return null;
  expectAgent(seen, "waitForHostKey");
  const { file, timeoutSeconds } = wait;
  return askUntil(client, {
    what: `waiting for the host key of ${labelOf(seen)} (${file})`,
    timeoutSeconds,
    ask: () => askAgent<{ content: string }>(client, seen, "file-read", { file, count: 16_384 }),
    // The file is empty while it is being written.
    find: ({ content }) => (content === "" ? undefined : publicKeyIn(content, seen, file)),
    explain: (answer) => noKey(seen, wait, answer),
  });
}

function publicKeyIn(content: string, seen: Observed, file: string): string {
  const key = PUBLIC_KEY.exec(content)?.[1];
  if (key !== undefined) return key;
  throw new ProviderError(`${file} of ${labelOf(seen)} is not a public host key`, {
    path: "waitForHostKey.file",
    hint: "Set it to the file with the public half of the key, such as /etc/ssh/ssh_host_ed25519_key.pub.",
  });
}

function noKey(
  seen: Observed,
  { file, timeoutSeconds }: { file: string; timeoutSeconds: number },
  answer: { content: string } | PveError,
): ProviderError {
  const isRead = !(answer instanceof PveError) || answer.reason.includes(file);
  const message = isRead
    ? `${labelOf(seen)} has no host key in ${file} after ${timeoutSeconds} s`
    : `the guest agent of ${labelOf(seen)} has not answered within ${timeoutSeconds} s`;
  return new ProviderError(message, {
    path: "waitForHostKey",
    ...(answer instanceof PveError && { cause: answer }),
    hint: isRead
      ? "sshd generates its keys at its first start: check that it is enabled in the guest."
      : AGENT_HINT,
  });
}
