import {
  ProviderError,
  refuseExposedFile,
  type Context,
  withDeadline,
} from "@nixops4-providers/provider-sdk";
import {
  convertPkcs8,
  decodePrivateKey,
  encodePrivateKey,
  fingerprint,
  isPkcs8,
  PrivateKeyError,
} from "@nixops4-providers/ssh-keys";
import type { BaseAgent, ParsedKey } from "ssh2";
import type { Hop } from "./connection-schema.ts";

import { loadSsh2 } from "./load-ssh2.ts";

/** The method of a login. `keys` names the keys for messages, by type and fingerprint. */
export type Login =
  { type: "publickey"; key: ParsedKey; keys: string[] } | { type: "agent"; agent: BaseAgent; keys: string[] };

const AGENT_TIMEOUT_SECONDS = 10;

export async function loadLogin(hop: Hop, who: string, context: Context): Promise<Login> {
  return hop.privateKey === undefined ? askAgent(who, context) : loadKey(hop, who, context);
}

async function loadKey({ privateKey, passphrase }: Hop, who: string, context: Context): Promise<Login> {
  const what = `the private key for ${who}`;
  const text = await context.key(privateKey!, what);
  const secret = passphrase && (await context.key(passphrase, `the passphrase of ${what}`));
  const key = await parseKey(text, secret).catch((error: unknown) => {
    throw unusableKey(what, secret, error);
  });
  if (!key.isPrivateKey()) {
    throw new ProviderError(`cannot use ${what}: it is a public key`, {
      hint: "Point `privateKey` at the other file, the one without `.pub`.",
    });
  }
  await refuseExposedFile(privateKey!, what);
  return { type: "publickey", key, keys: [describeKey(key)] };
}

/** Decrypts keys for ssh2, which supports few ciphers of OpenSSH's own format and no PKCS #8. */
async function parseKey(text: string, passphrase: string | undefined): Promise<ParsedKey> {
  const { utils } = await loadSsh2();
  const plain = text.includes("-----BEGIN OPENSSH PRIVATE KEY-----")
    ? await encodePrivateKey((await decodePrivateKey(text, passphrase)).keyPair)
    : isPkcs8(text)
      ? await convertPkcs8(text, passphrase)
      : text;
  const key = utils.parseKey(plain, passphrase);
  if (!(key instanceof Error)) return key;
  throw new PrivateKeyError(isEncrypted(text, key) ? "passphrase" : "format", "ssh2 cannot read it");
}

/** Replaces the messages of ssh2, since some quote parts of the key. */
function unusableKey(what: string, passphrase: string | undefined, error: unknown): ProviderError {
  if (!(error instanceof PrivateKeyError)) throw error;
  if (error.reason !== "passphrase") {
    return new ProviderError(`cannot use ${what}: it is damaged or of a format that is not supported`, {
      hint: "`ssh-keygen -p -f FILE` rewrites a key in OpenSSH's own format, which is.",
    });
  }
  return passphrase === undefined
    ? new ProviderError(`cannot use ${what}: it is encrypted, and no passphrase is given`, {
        hint: "Set `passphrase`, or add the key to an SSH agent and drop `privateKey`.",
      })
    : new ProviderError(`cannot use ${what}: the passphrase is wrong, or the key is damaged`);
}

function isEncrypted(text: string, error: Error): boolean {
  return (
    /passphrase|bad decrypt|key integrity/i.test(error.message) || text.includes("\nProc-Type: 4,ENCRYPTED")
  );
}

async function askAgent(who: string, context: Context): Promise<Login> {
  const socket = process.env["SSH_AUTH_SOCK"];
  const hint = "Set `privateKey`, or run `ssh-add` and pass SSH_AUTH_SOCK on.";
  if (socket === undefined || socket === "") {
    throw new ProviderError(
      `there is no key to log in with as ${who}: no privateKey is given, and SSH_AUTH_SOCK is not set`,
      { hint },
    );
  }
  const { createAgent } = await loadSsh2();
  const agent = createAgent(socket);
  const listed = new Promise<ParsedKey[]>((resolve, reject) => {
    // The types allow other agents; the one of ssh2 returns parsed keys.
    agent.getIdentities((error, keys = []) => (error ? reject(error) : resolve(keys as ParsedKey[])));
  });
  let keys: ParsedKey[];
  try {
    keys = await withDeadline(listed, AGENT_TIMEOUT_SECONDS, "it did not answer", context.signal);
  } catch (cause) {
    throw new ProviderError(`cannot ask the SSH agent at ${socket} for its keys`, { cause, hint });
  }
  if (keys.length === 0) throw await noUsableKey(who, socket, hint, context);
  return { type: "agent", agent, keys: keys.map(describeKey) };
}

/** Returns the error for an agent without usable keys. ssh2 ignores certificates and keys on security tokens. */
async function noUsableKey(
  who: string,
  socket: string,
  hint: string,
  context: Context,
): Promise<ProviderError> {
  const { listKeyTypes } = await import("./agent-key-types.ts");
  const listed = listKeyTypes(socket);
  const types = await withDeadline(listed, AGENT_TIMEOUT_SECONDS, "it did not answer", context.signal).catch(
    () => [],
  );
  const what = `there is no key to log in with as ${who}: the SSH agent at ${socket} has none`;
  if (types.length === 0) return new ProviderError(what, { hint });
  return new ProviderError(`${what} that can be used here; it has only ${[...new Set(types)].join(", ")}`, {
    hint:
      "Certificates and keys on FIDO tokens (sk-…) are not supported: add an ordinary key to the agent " +
      "and to the authorized keys on the host, or set `privateKey`.",
  });
}

function describeKey(key: ParsedKey): string {
  return `${key.type} ${fingerprint(key.getPublicSSH())}`;
}
