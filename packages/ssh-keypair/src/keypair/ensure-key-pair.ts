import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { sameJson } from "@nixops4-providers/json";
import {
  type Context,
  type ConvergeRequest,
  ProviderError,
  warnOfStoreCopy,
} from "@nixops4-providers/provider-sdk";
import {
  fingerprint,
  formatPublicKey,
  type KeyPair,
  keySpec,
  parsePublicKey,
  PrivateKeyError,
  type PublicKey,
  sshfp,
} from "@nixops4-providers/ssh-keys";
import { encryptFor } from "./age.ts";
import { areSameFile, type KeyFile, readKeyFile, removeKeyFile, writeKeyFile } from "./key-file.ts";
import { makeKey } from "./make-key.ts";
import type { Inputs, Outputs } from "./schema.ts";
import { openKey, type Passphrases, type StoredKey, storedAs } from "./stored-key.ts";

/** The state of the last successful run. */
interface Last {
  publicKey: PublicKey;
  inputs: Partial<Inputs>;
  outputs: Partial<Outputs>;
}

/** The wanted and the existing key. */
interface Task {
  inputs: Inputs;
  passphrases: Passphrases;
  last: Last | undefined;
  /** The file at `privateKeyFile`. */
  file: KeyFile | undefined;
  context: Context;
}

/** A new key, or a stored one. */
type Key = { keyPair: KeyPair } & Partial<StoredKey>;

const DEFAULT_BITS: { readonly [algorithm in Inputs["algorithm"]]: number } = {
  ed25519: 256,
  ecdsa: 256,
  rsa: 3072,
};

/** Hints for a file that cannot be used. */
const MOVE_AWAY = "It was left as it is. Move it away, or choose another path for `privateKeyFile`.";
const RESTORE =
  "It was left as it is. Put this resource's key back there; or, for a new key, move the file away and change `keepers`.";

/** Creates or updates one key pair by the rules in the description of the resource type. */
export async function ensureKeyPair(
  request: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const { inputs } = request;
  const { ageRecipients, comment, privateKeyFile } = inputs;
  if (privateKeyFile !== undefined) await warnOfStoreCopy(privateKeyFile, "the private key", context);
  const encrypt = ageRecipients.length === 0 ? undefined : await encryptFor(ageRecipients);
  const task = await observe(request, context);
  const { last, passphrases } = task;

  const replaced = last !== undefined && needsNewKey(inputs, last.inputs) ? last.publicKey : undefined;
  const key = await obtainKey(task, replaced);
  const isSameKey = last !== undefined && replaced === undefined;
  const ciphertext = isSameKey ? await currentCiphertext(task, last) : undefined;
  if (key === undefined) {
    if (ciphertext === undefined || privateKeyFile !== undefined) throw outOfReach(task, last!);
    return toOutputs(last!.publicKey, inputs, { privateKeyEncrypted: ciphertext });
  }

  const check = replaced === undefined ? undefined : successorMark(replaced);
  const text = await storedAs(key, { comment, passphrase: passphrases.wanted, check });
  if (privateKeyFile !== undefined) await writeKeyFile(privateKeyFile, text, task.file);
  if (last !== undefined) await retireFormerFile(last, inputs, context);
  return toOutputs(key.keyPair.publicKey, inputs, {
    privateKey: privateKeyFile === undefined && encrypt === undefined ? text : null,
    privateKeyEncrypted: encrypt === undefined ? null : (ciphertext ?? (await encrypt(text))),
  });
}

async function observe(
  { inputs, previous }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Task> {
  const { privateKeyFile: path } = inputs;
  const last = previous === undefined ? undefined : readLast(previous);
  const isKept =
    last !== undefined && path === last.inputs.privateKeyFile && !needsNewKey(inputs, last.inputs);
  const passphrases = await readPassphrases(inputs, last, context);
  const file = path === undefined ? undefined : await readKeyFile(path, isKept ? RESTORE : MOVE_AWAY);
  return { inputs, passphrases, last, file, context };
}

function readLast({ inputs, outputs }: { inputs: Partial<Inputs>; outputs: Partial<Outputs> }): Last {
  try {
    return { publicKey: parsePublicKey(outputs.publicKey ?? ""), inputs, outputs };
  } catch (cause) {
    throw new ProviderError("cannot read the key pair's public key in the state", {
      cause,
      hint: "Restore the state. Or remove the record of this member from it, so that the next apply makes a key or takes one over.",
    });
  }
}

async function readPassphrases(
  { passphrase }: Inputs,
  last: Last | undefined,
  context: Context,
): Promise<Passphrases> {
  const wanted = passphrase === undefined ? undefined : await context.key(passphrase, "the passphrase");
  if (wanted === "") {
    throw new ProviderError("is empty", {
      path: "passphrase",
      hint: "Do not set it for a private key without a passphrase.",
    });
  }
  const previous = async () => {
    const ref = last?.inputs.passphrase;
    return ref === undefined ? undefined : context.secret(ref, "the passphrase of the last run");
  };
  return { wanted, previous };
}

function needsNewKey(inputs: Inputs, last: Partial<Inputs>): boolean {
  return !sameJson(identity(inputs), identity(last));
}

/** Returns the inputs whose change needs a new key. */
function identity({ algorithm = "ed25519", bits, keepers = {} }: Partial<Inputs>): unknown {
  return { algorithm, bits: bits ?? DEFAULT_BITS[algorithm], keepers };
}

/** Finds or makes the key. Returns `undefined` if its private half exists only encrypted for others. */
async function obtainKey(task: Task, replaced: PublicKey | undefined): Promise<Key | undefined> {
  if (task.last === undefined) return (await adoptFile(task)) ?? makeNewKey(task);
  if (replaced === undefined) return findKey(task, task.last);
  return (await adoptSuccessor(task, replaced)) ?? makeNewKey(task);
}

async function makeNewKey({ inputs, context }: Task): Promise<Key> {
  return { keyPair: await makeKey(wantedKind(inputs), context) };
}

function wantedKind({ algorithm, bits, comment }: Inputs) {
  return { algorithm, bits: bits ?? DEFAULT_BITS[algorithm], comment };
}

function isOfWantedKind(publicKey: PublicKey, inputs: Inputs): boolean {
  const { algorithm, bits } = keySpec(publicKey.blob);
  const wanted = wantedKind(inputs);
  return algorithm === wanted.algorithm && bits === wanted.bits;
}

/** Adopts an existing file: a first run that was killed leaves the file, but no state. */
async function adoptFile(task: Task): Promise<Key | undefined> {
  const { file, inputs, passphrases, context } = task;
  if (file === undefined) return undefined;
  refuseReadable(file);
  if (!isOfWantedKind(file.publicKey, inputs)) {
    const { algorithm, bits } = wantedKind(inputs);
    const found = keySpec(file.publicKey.blob);
    throw new ProviderError(
      `the file ${file.path} holds an ${found.algorithm} key of ${found.bits} bits where one of ${algorithm} with ${bits} bits is wanted`,
      { path: "privateKeyFile", hint: file.advice },
    );
  }
  const key = await openFile(file, passphrases);
  context.log.info(`taking over the key ${fingerprint(file.publicKey.blob)} found in ${file.path}`);
  return key;
}

/** Refuses a key that others could read, since it is no longer secret. This provider leaves no such file. */
function refuseReadable({ path, mode, advice }: KeyFile): void {
  if ((mode & 0o077) === 0) return;
  throw new ProviderError(
    `the private key file ${path} has mode ${mode.toString(8).padStart(4, "0")}: other users can read it`,
    { path: "privateKeyFile", hint: `If nobody did, run: chmod 600 ${path}. ${advice}` },
  );
}

/** Adopts the new key of a replacement that was killed. The state does not have it, but it has the mark of its predecessor. */
async function adoptSuccessor(task: Task, replaced: PublicKey): Promise<Key | undefined> {
  const { file, inputs, passphrases, context } = task;
  if (file === undefined || file.publicKey.blob.equals(replaced.blob)) return undefined;
  const key = await openFile(file, passphrases);
  if (key.check !== successorMark(replaced)) throw holdsAnotherKey(file, replaced);
  refuseReadable(file);
  if (!isOfWantedKind(file.publicKey, inputs)) return undefined;
  context.log.info(
    `taking over the key ${fingerprint(file.publicKey.blob)}, left in ${file.path} by a run that was stopped`,
  );
  return key;
}

/** Returns a number for the check field of a private key file. OpenSSH uses a random number there. */
function successorMark({ blob }: PublicKey): number {
  return createHash("sha256").update("nixops4-providers: successor of ").update(blob).digest().readUInt32BE();
}

/** Returns the key of the state, from its new place or its old one. */
async function findKey({ inputs, passphrases, file }: Task, last: Last): Promise<Key | undefined> {
  if (file !== undefined) return openKnown(file, last, passphrases);
  const formerPath = last.inputs.privateKeyFile;
  const former =
    formerPath === undefined || formerPath === inputs.privateKeyFile
      ? undefined
      : await readKeyFile(formerPath, RESTORE);
  if (former !== undefined) return openKnown(former, last, passphrases);
  const { privateKey } = last.outputs;
  return typeof privateKey === "string" ? openRecorded(privateKey, passphrases) : undefined;
}

async function openKnown(file: KeyFile, last: Last, passphrases: Passphrases): Promise<Key> {
  if (!file.publicKey.blob.equals(last.publicKey.blob)) throw holdsAnotherKey(file, last.publicKey);
  return openFile(file, passphrases);
}

async function openFile({ path, text, advice }: KeyFile, passphrases: Passphrases): Promise<StoredKey> {
  try {
    return await openKey(text, passphrases);
  } catch (cause) {
    const isPassphrase = cause instanceof PrivateKeyError && cause.reason === "passphrase";
    const hint = isPassphrase ? `Set \`passphrase\` to the one that it is encrypted with. ${advice}` : advice;
    throw new ProviderError(`cannot use the private key file ${path}`, { hint, cause });
  }
}

async function openRecorded(text: string, passphrases: Passphrases): Promise<StoredKey> {
  try {
    return await openKey(text, passphrases);
  } catch (cause) {
    throw new ProviderError("cannot use the private key in the state", {
      cause,
      hint: "Set `passphrase` to the one that it is encrypted with, or change `keepers` for a new key.",
    });
  }
}

/** Returns the recorded age ciphertext if its recipients and contents are still as wanted. */
async function currentCiphertext(task: Task, last: Last): Promise<string | undefined> {
  const { ageRecipients, comment } = task.inputs;
  const { privateKeyEncrypted } = last.outputs;
  const fits =
    typeof privateKeyEncrypted === "string" &&
    isDeepStrictEqual(new Set(ageRecipients), new Set(last.inputs.ageRecipients)) &&
    comment === last.publicKey.comment &&
    (await isSamePassphrase(task, last));
  return fits ? privateKeyEncrypted : undefined;
}

async function isSamePassphrase({ inputs, passphrases }: Task, last: Last): Promise<boolean> {
  const [ref, lastRef] = [inputs.passphrase, last.inputs.passphrase];
  if (ref === undefined || lastRef === undefined) return ref === lastRef;
  // A passphrase that can no longer be read counts as different.
  return passphrases.wanted === (await passphrases.previous().catch(() => undefined));
}

/** After a move, removes the file at the old path if it holds the key. */
async function retireFormerFile(
  last: Last,
  { privateKeyFile: path }: Inputs,
  { log }: Context,
): Promise<void> {
  const formerPath = last.inputs.privateKeyFile;
  if (formerPath === undefined || formerPath === path) return;
  if (path !== undefined && (await areSameFile(formerPath, path))) return;
  const former = await readKeyFile(formerPath, RESTORE).catch(() => "unusable" as const);
  if (former === undefined) return;
  if (path === undefined) {
    // Keep the file, because the state that is to hold the key is not written yet.
    log.warn(`${formerPath} is no longer used and was left there: remove it after this run`);
  } else if (former === "unusable" || !former.publicKey.blob.equals(last.publicKey.blob)) {
    log.warn(`${formerPath} was left there: it does not hold the key that was to move to ${path}`);
  } else {
    await removeKeyFile(formerPath);
  }
}

function toOutputs(
  publicKey: PublicKey,
  { comment, privateKeyFile }: Inputs,
  privateHalf: { privateKey?: string | null; privateKeyEncrypted: string | null },
): Outputs {
  return {
    publicKey: formatPublicKey({ ...publicKey, comment }),
    fingerprint: fingerprint(publicKey.blob),
    sshfp: sshfp(publicKey.blob),
    privateKey: null,
    privateKeyFile: privateKeyFile ?? null,
    ...privateHalf,
  };
}

function holdsAnotherKey({ path, publicKey, advice }: KeyFile, expected: PublicKey): ProviderError {
  return new ProviderError(
    `the file ${path} holds another key (${fingerprint(publicKey.blob)}) than the one of this resource (${fingerprint(expected.blob)})`,
    { path: "privateKeyFile", hint: advice },
  );
}

/** Returns the error for a private key that is neither in a file nor in the state. */
function outOfReach({ inputs }: Task, last: Last): ProviderError {
  const lost = last.inputs.privateKeyFile;
  const decrypt =
    typeof last.outputs.privateKeyEncrypted === "string"
      ? " Or decrypt the output `privateKeyEncrypted` by `age --decrypt` into a file with mode 0600, and set `privateKeyFile` to that."
      : "";
  if (lost !== undefined) {
    return new ProviderError(`the private key file ${lost} is lost: it does not exist any more`, {
      path: "privateKeyFile",
      hint: `Restore it from a backup, or change \`keepers\` for a new key.${decrypt}`,
    });
  }
  let consequence = "its comment, passphrase and recipients cannot change";
  if (inputs.ageRecipients.length === 0) consequence = "it cannot be returned";
  if (inputs.privateKeyFile !== undefined) consequence = `it cannot be written to ${inputs.privateKeyFile}`;
  return new ProviderError(`the private key exists only encrypted by age, so ${consequence}`, {
    hint: `Change \`keepers\` for a new key.${decrypt}`,
  });
}
