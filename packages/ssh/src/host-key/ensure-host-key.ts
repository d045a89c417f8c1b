import { createHash } from "node:crypto";
import { canonicalJson } from "@nixops4-providers/json";
import {
  type Context,
  type ConvergeRequest,
  describeError,
  ProviderError,
  retryUntil,
} from "@nixops4-providers/provider-sdk";
import {
  connect,
  ConnectError,
  type ConnectionSettings,
  connectOver,
  connectToUnverifiedHost,
  plainHostKey,
  type SshConnection,
  waitForSsh,
} from "@nixops4-providers/ssh-client";
import { fingerprint, keySpec, parsePublicKey, sshfp } from "@nixops4-providers/ssh-keys";
import type { Inputs, Outputs } from "../resources/host-key.ts";
import { formatEntry, formatStatement, successorsOf, type Succession, verifyRecord } from "./statement.ts";
import { type KeyFile, type Observed, readRecord, Target } from "./target.ts";

/** What does not change while a resource is worked on. Keys are lines without comment. */
interface Job {
  inputs: Inputs;
  context: Context;
  /** The keys that the host may present, or that may vouch for the one that it presents. */
  pins: string[];
  /** Those, and the keys that they have replaced: the record of a host that has proven who it is starts from them. */
  history: string[];
  /** What is asked for: a key that was made for this needs no rotation. */
  operationId: string;
  /** The key that nixops4 has on record for what is asked for. */
  settled: string | undefined;
  /** To be ended at last. */
  connections: SshConnection[];
}

/** What was found on the host over one connection. */
interface Host extends Observed {
  target: Target;
  label: string;
  presented: string;
  record: string;
  successions: Succession[];
}

const DEFAULT_BITS = { ed25519: undefined, ecdsa: 256, rsa: 3072 };

/** So many rotations are remembered on the host. */
const MAX_ENTRIES = 100;

/** How long a reloaded sshd may take at most to present its new key, and an sshd with its old key again. */
const TAKE_UP_SECONDS = 60;
const GIVE_BACK_SECONDS = 10;

/** Between two connections to an sshd that was reloaded; see waitForSsh about OpenSSH's penalties. */
const PAUSE_SECONDS = { first: 0.1, longest: 5 };

export async function ensureHostKey(
  { inputs, previous }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const recorded = previous?.outputs.hostPublicKey;
  const operationId = operationOf(inputs);
  const settled =
    previous !== undefined && operationOf(previous.inputs) === operationId ? recorded : undefined;
  const job: Job = {
    inputs,
    context,
    // The recorded one first: sshd may also have a key of the type of another pin that nobody knows.
    pins: [
      ...(recorded === undefined ? [] : [recorded]),
      ...trustedInputs(inputs, settled === undefined ? undefined : previous?.inputs),
    ].map(plainHostKey),
    history: [...(recorded === undefined ? [] : [recorded]), ...inputs.connection.hostPublicKeys].map(
      plainHostKey,
    ),
    operationId,
    settled,
    connections: [],
  };
  try {
    const ssh = await reach(job);
    const lock = await connect(pinned(inputs, [ssh.hostPublicKey]), context);
    job.connections.push(lock);
    await new Target(lock, inputs).lock(context);
    let host = await completeRotation(job, await look(job, ssh));
    if (!isWanted(job, host)) host = await rotate(job, host);
    await retireOldKeys(job, host);
    await warnOfCertificates(job, host);
    const { blob } = parsePublicKey(host.presented);
    return { hostPublicKey: host.presented, fingerprint: fingerprint(blob), sshfp: sshfp(blob) };
  } finally {
    for (const ssh of job.connections) ssh.end();
  }
}

/**
 * The keys of the inputs that count beside the recorded one. Once the key that is asked for is on record, those that
 * led to it do not: a temporary key may be known to others, who would take the host's place with it. One that the
 * inputs have only now is the operator's word.
 */
function trustedInputs({ connection }: Inputs, settledInputs: Partial<Inputs> | undefined): string[] {
  const former = settledInputs?.connection?.hostPublicKeys.map(plainHostKey) ?? [];
  return connection.hostPublicKeys.filter((key) => !former.includes(plainHostKey(key)));
}

/** The same for the same key asked for: what an interrupted run began, the next one recognizes by it. */
function operationOf({
  algorithm = "ed25519",
  bits = DEFAULT_BITS[algorithm],
  keepers = {},
}: Partial<Inputs>): string {
  return createHash("sha256").update(canonicalJson({ algorithm, bits, keepers })).digest("hex");
}

async function reach(job: Job): Promise<SshConnection> {
  const { inputs, context, pins } = job;
  try {
    const ssh = await waitForSsh(pinned(inputs, pins), context, inputs);
    job.connections.push(ssh);
    return ssh;
  } catch (error) {
    if (!isAboutHostKey(error)) throw error;
    return adopt(job, error);
  }
}

/**
 * The host presents an unknown key. A pinned key may have vouched for it: then the record of rotations says so,
 * which anyone may hand out and nobody can forge.
 */
async function adopt(job: Job, mismatch: ConnectError): Promise<SshConnection> {
  const { inputs, context, pins } = job;
  const { record, label } = await readUnverifiedRecord(job, mismatch);
  const { successions, problem } = verifyRecord(record, label, pins);
  const announced = successions.map(({ newKey }) => newKey).toReversed();
  if (announced.length === 0) {
    throw problem === undefined
      ? refused(mismatch, `it has no statement in ${inputs.directory} that a new key was made`)
      : refused(mismatch, `its statement does not hold: ${problem}`);
  }
  try {
    const ssh = await connect(pinned(inputs, announced), context);
    job.connections.push(ssh);
    context.log.info(
      `${label} has a new host key, ${shorten(ssh.hostPublicKey)}, that a known one vouches for`,
    );
    return ssh;
  } catch (error) {
    if (!isAboutHostKey(error)) throw error;
    throw refused(mismatch, `its statement is about another key, ${announced.map(shorten).join(" or ")}`);
  }
}

async function readUnverifiedRecord({ inputs, context }: Job, mismatch: ConnectError) {
  let host: SshConnection | undefined;
  try {
    host = await connectToUnverifiedHost(inputs.connection, context);
    return { record: await readRecord(host, inputs), label: host.label };
  } catch (error) {
    if (context.signal.aborted) throw error;
    // Then it is a jump host that is not the expected one.
    if (isAboutHostKey(error)) throw mismatch;
    const reason = describeError(error).split("\n")[0]!;
    throw refused(mismatch, `its record of rotations cannot be read: ${reason}`);
  } finally {
    host?.end();
  }
}

function isAboutHostKey(error: unknown): error is ConnectError {
  return error instanceof ConnectError && error.reason === "host-key";
}

function refused({ message }: ConnectError, why: string): ProviderError {
  return new ProviderError(`${message}; ${why}`, {
    hint:
      "Either something else answers at this address, or the host was given a new key by other means: then " +
      "compare with `ssh-keygen -lf /etc/ssh/ssh_host_…_key.pub` on its console and correct `hostPublicKeys`.",
  });
}

async function look(job: Job, ssh: SshConnection): Promise<Host> {
  const { inputs, history } = job;
  const target = new Target(ssh, inputs);
  const record = await readRecord(ssh, inputs);
  const { successions } = verifyRecord(record, ssh.label, history);
  return {
    target,
    label: ssh.label,
    presented: ssh.hostPublicKey,
    record,
    successions,
    ...(await target.observe()),
  };
}

/** A run that was interrupted may have left a new key in place that sshd has not read yet. */
async function completeRotation(job: Job, host: Host): Promise<Host> {
  const { presented, successions, files, target } = host;
  const successors = successorsOf(presented, successions);
  const waiting = files.find(({ key }) => successors.includes(key));
  if (waiting !== undefined) return look(job, await takeUp(job, host, waiting));
  // Or sshd has read it, just before its file was swapped back.
  const misplaced = files.find(({ newKey }) => newKey === presented);
  if (misplaced === undefined) return host;
  await target.swap(misplaced);
  return { ...host, ...(await target.observe()) };
}

function isWanted({ settled, operationId }: Job, { presented, successions }: Host): boolean {
  return (
    presented === settled ||
    successions.some((one) => one.newKey === presented && one.operationId === operationId)
  );
}

async function rotate(job: Job, host: Host): Promise<Host> {
  const { context, inputs } = job;
  const { target, files, label } = host;
  const progress = context.progress(`giving ${label} a new host key in place of ${shorten(host.presented)}`);
  try {
    const own = ownFile(host);
    // sshd offers the first of several keys of a type: the place of that one, or the new key would never be seen.
    const place = files.find(({ key }) => typeOf(key) === wantedType(inputs)) ?? own;
    const newKey = isUsable(place.newKey, inputs)
      ? place.newKey
      : await target.generate(place.path, inputs.algorithm, bitsOf(inputs));
    await vouch(job, host, own, newKey);
    await prove(job, host, place, newKey);
    await target.swap({ ...place, newKey });
    return await look(job, await takeUp(job, host, { ...place, key: newKey }));
  } finally {
    progress.done();
  }
}

/** The old key signs that the new one takes its place, for the case that nobody hears of this run's end. */
async function vouch({ operationId }: Job, host: Host, own: KeyFile, newKey: string): Promise<void> {
  const { target, label, presented } = host;
  const statement = formatStatement({
    version: 1,
    host: label,
    oldFingerprint: fingerprint(parsePublicKey(presented).blob),
    newFingerprint: fingerprint(parsePublicKey(newKey).blob),
    newPublicKey: newKey,
    operationId,
  });
  const entry = formatEntry(statement, await target.sign(own.path, statement));
  const { problem } = verifyRecord(entry, label, [presented]);
  if (problem !== undefined) {
    throw new ProviderError(`${label} cannot sign with its host key: ${problem}`);
  }
  const others = host.record
    .split("\n")
    .filter((line) => line !== "" && !line.includes(JSON.stringify(statement)))
    .map((line) => `${line}\n`);
  await target.writeRecord([...others, entry].slice(-MAX_ENTRIES).join(""));
}

/** Logs in through an sshd with the new key, while the one that listens still has the old key. */
async function prove({ inputs, context }: Job, { target, label }: Host, place: KeyFile, newKey: string) {
  const said: string[] = [];
  const stream = await target.serveNewKey(place.path, said);
  try {
    (await connectOver(stream, pinned(inputs, [newKey]), context)).end();
  } catch (error) {
    if (context.signal.aborted) throw error;
    if (error instanceof ConnectError && error.reason === "authentication") {
      // sshd sees no address in this case, and may be told to let users in only from some.
      context.log.info(
        `the new host key of ${label} works, though sshd lets nobody in who comes without an address`,
      );
      return;
    }
    const cause = said.length === 0 ? error : new Error(said.slice(-10).join("\n"), { cause: error });
    throw new ProviderError(`sshd on ${label} does not work with its new host key, so the old one stays`, {
      cause,
    });
  }
}

/** Makes sshd reload its host keys. It must present the new key on a fresh connection, or the old one comes back. */
async function takeUp(job: Job, host: Host, file: KeyFile): Promise<SshConnection> {
  const { inputs, context } = job;
  const { target, label } = host;
  let failure: unknown;
  try {
    await target.reload();
  } catch (error) {
    failure = error;
  }
  const seconds = failure === undefined ? TAKE_UP_SECONDS : GIVE_BACK_SECONDS;
  try {
    const ssh = await connectAfresh(job, file.key, Math.min(inputs.timeoutSeconds, seconds));
    if (failure !== undefined) context.log.warn(`sshd took its new key up, but: ${describeError(failure)}`);
    return ssh;
  } catch (error) {
    if (context.signal.aborted) throw error;
    failure ??= error;
  }
  const state = await giveBack(job, host, file);
  throw new ProviderError(`sshd on ${label} did not take its new host key up; ${state}`, {
    cause: failure,
    hint: "Look at its log on the host, and at `reload`.",
  });
}

/** Returns in words what came of it. */
async function giveBack(job: Job, { target, presented, sshd }: Host, { path }: KeyFile): Promise<string> {
  const works = async () => (await connectAfresh(job, presented, GIVE_BACK_SECONDS)) !== undefined;
  try {
    await target.swapBack(path);
    // What has just failed may fail again: only what sshd presents counts.
    await target.reload().catch(() => {});
    await works().catch(async (error: unknown) => {
      if (sshd === "") throw error;
      await target.startSshd(sshd);
      return works();
    });
    return "it has the old one again";
  } catch (error) {
    return `and it could not be given the old one back: ${describeError(error)}`;
  }
}

/** Over TCP, until the host presents this key. */
async function connectAfresh(job: Job, key: string, seconds: number): Promise<SshConnection> {
  const { inputs, context } = job;
  const attempt = async () => {
    const ssh = await connect(pinned(inputs, [key]), context);
    job.connections.push(ssh);
    return ssh;
  };
  return retryUntil(attempt, {
    deadline: performance.now() + seconds * 1000,
    pause: PAUSE_SECONDS,
    signal: context.signal,
    mayPass: (error) => error instanceof ConnectError,
  });
}

async function retireOldKeys(job: Job, host: Host): Promise<void> {
  const { target, files, presented, successions } = host;
  const own = ownFile(host);
  const leftovers = files.flatMap(({ path }) => [`${path}.new`, `${path}.pub.new`]);
  if (job.inputs.oldKey === "keep") return target.finish(own.path, leftovers);
  const retired = files.filter(
    ({ key }) => key !== presented && successorsOf(key, successions).includes(presented),
  );
  leftovers.push(...files.flatMap(({ path }) => [`${path}.old`, `${path}.old.new`]));
  await target.finish(own.path, [...leftovers, ...retired.map(({ path }) => path)]);
  if (retired.length === 0) return;
  // sshd still offers what it has read.
  await target.reload();
  await connectAfresh(job, presented, TAKE_UP_SECONDS);
}

/** sshd leaves out a certificate whose key it does not have, and says so in its own log only. */
async function warnOfCertificates({ context }: Job, { target, presented, label }: Host): Promise<void> {
  for (const { keyFingerprint, path } of await target.listOrphanedCertificates()) {
    context.log.warn(
      `${label} no longer presents its host certificate ${path}, which is for the former key ${keyFingerprint}: ` +
        `sign the new one, ${shorten(presented)}, by \`ssh-keygen -s CA -h\`, or clients that trust the CA alone refuse the host`,
    );
  }
}

function ownFile({ files, presented, label, target }: Host): KeyFile {
  const own = files.find(({ key }) => key === presented);
  if (own !== undefined) return own;
  const paths = files.map(({ path }) => path).join(", ");
  throw new ProviderError(
    `the key that ${label} presents, ${shorten(presented)}, is in none of sshd's host key files ` +
      `that ${target.ssh.user} can read (${paths === "" ? "there is none" : paths})`,
    { hint: "Log in as root or set `sudo`; if the file was changed, restart sshd." },
  );
}

function isUsable(key: string, inputs: Inputs): boolean {
  if (typeOf(key) !== wantedType(inputs)) return false;
  const { bits } = keySpec(parsePublicKey(key).blob);
  return bits === (bitsOf(inputs) ?? bits);
}

function wantedType(inputs: Inputs): string {
  const { algorithm } = inputs;
  return algorithm === "ecdsa" ? `ecdsa-sha2-nistp${bitsOf(inputs)}` : `ssh-${algorithm}`;
}

function typeOf(key: string): string {
  return key.split(" ", 1)[0]!;
}

function bitsOf({ algorithm, bits }: Inputs): number | undefined {
  return bits ?? DEFAULT_BITS[algorithm];
}

function pinned({ connection }: Inputs, hostPublicKeys: string[]): ConnectionSettings {
  return { ...connection, hostPublicKeys };
}

function shorten(key: string): string {
  return `${fingerprint(parsePublicKey(key).blob)} (${typeOf(key)})`;
}
