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
  type SshConnection,
  waitForSsh,
} from "@nixops4-providers/ssh-client";
import { fingerprint, parsePublicKey, sshfp } from "@nixops4-providers/ssh-keys";
import {
  bitsOf,
  isUsable,
  isWanted,
  type Keys,
  keysOf,
  replacedFiles,
  shorten,
  typeOf,
  wantedType,
} from "./decide.ts";
import type { Inputs, Outputs } from "./schema.ts";
import {
  addEntry,
  formatEntry,
  formatStatement,
  successorsOf,
  type Succession,
  verifyRecord,
} from "./statement.ts";
import { type KeyFile, type Observed, readRecord, Target } from "./target.ts";

/** The constants of one run. */
interface Job extends Keys {
  inputs: Inputs;
  context: Context;
  /** All connections, which are ended after the run. */
  connections: SshConnection[];
}

/** The state of the host, as observed over one connection. */
interface Host extends Observed {
  target: Target;
  label: string;
  presented: string;
  record: string;
  successions: Succession[];
}

/** Seconds that sshd may take after a reload to present its new key, and to present its old key again. */
const TAKE_UP_SECONDS = 60;
const GIVE_BACK_SECONDS = 10;

/** Between two connections to an sshd that was reloaded; see waitForSsh about OpenSSH's penalties. */
const PAUSE_SECONDS = { first: 0.1, longest: 5 };

export async function ensureHostKey(
  { inputs, previous }: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  const job: Job = { inputs, context, ...keysOf(inputs, previous), connections: [] };
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
 * Connects to a host that presents an unknown key, if its record of rotations has a statement about that key by a pinned
 * key. The record is signed, so an unverified host can serve it but not forge it.
 */
async function adopt(job: Job, mismatch: ConnectError): Promise<SshConnection> {
  const { inputs, context, pins } = job;
  const { record, label } = await readUnverifiedRecord(job, mismatch);
  const { successions, problem } = verifyRecord(record, label, pins);
  const announced = successions.map(({ newKey }) => newKey).toReversed();
  if (announced.length === 0) {
    throw problem === undefined
      ? refused(mismatch, `it has no statement in ${inputs.directory} that a new key was made`)
      : refused(mismatch, `its statement is not valid: ${problem}`);
  }
  try {
    const ssh = await connect(pinned(inputs, announced), context);
    job.connections.push(ssh);
    context.log.info(
      `${label} has a new host key, ${shorten(ssh.hostPublicKey)}, which a known key has signed`,
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
    // Then a jump host has an unexpected key.
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

/** Completes the rotation of an interrupted run, which may have left a new key in place that sshd has not read yet. */
async function completeRotation(job: Job, host: Host): Promise<Host> {
  const { presented, successions, files, target } = host;
  const successors = successorsOf(presented, successions);
  const waiting = files.find(({ key }) => successors.includes(key));
  if (waiting !== undefined) return look(job, await takeUp(job, host, waiting));
  // Or sshd has read the new key just before its file was swapped back.
  const misplaced = files.find(({ newKey }) => newKey === presented);
  if (misplaced === undefined) return host;
  await target.swap(misplaced);
  return { ...host, ...(await target.observe()) };
}

async function rotate(job: Job, host: Host): Promise<Host> {
  const { context, inputs } = job;
  const { target, files, label } = host;
  const progress = context.progress(`giving ${label} a new host key in place of ${shorten(host.presented)}`);
  try {
    const own = ownFile(host);
    // Of several keys of a type, sshd offers only the first. The new key must take the place of that one.
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

/** Lets the old key sign a statement about the new key, for the case that this run is interrupted. */
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
  await target.writeRecord(addEntry(host.record, statement, entry));
}

/** Logs in through a second sshd with the new key, while the listening one still has the old key. */
async function prove({ inputs, context }: Job, { target, label }: Host, place: KeyFile, newKey: string) {
  const said: string[] = [];
  const stream = await target.serveNewKey(place.path, said);
  try {
    (await connectOver(stream, pinned(inputs, [newKey]), context)).end();
  } catch (error) {
    if (context.signal.aborted) throw error;
    if (error instanceof ConnectError && error.reason === "authentication") {
      // This sshd sees no client address, and its configuration may allow logins only from some addresses.
      context.log.info(
        `the new host key of ${label} works, although sshd refuses logins without a client address`,
      );
      return;
    }
    const cause = said.length === 0 ? error : new Error(said.slice(-10).join("\n"), { cause: error });
    throw new ProviderError(`sshd on ${label} does not work with its new host key, so the old one stays`, {
      cause,
    });
  }
}

/** Makes sshd reload its host keys. If it does not present the new key on a new connection, restores the old one. */
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
    if (failure !== undefined) context.log.warn(`sshd uses its new key, but: ${describeError(failure)}`);
    return ssh;
  } catch (error) {
    if (context.signal.aborted) throw error;
    failure ??= error;
  }
  const state = await giveBack(job, host, file);
  throw new ProviderError(`sshd on ${label} did not take its new host key up; ${state}`, {
    cause: failure,
    hint: "Read the log of sshd on the host, and check `reload`.",
  });
}

/** Restores the old key, and returns the result in words. */
async function giveBack(job: Job, { target, presented, sshd }: Host, { path }: KeyFile): Promise<string> {
  const works = async () => (await connectAfresh(job, presented, GIVE_BACK_SECONDS)) !== undefined;
  try {
    await target.swapBack(path);
    // The reload may fail again. Only the key that sshd presents counts.
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

/** Connects over TCP, again and again, until the host presents this key. */
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
  const retired = replacedFiles(files, presented, successions);
  leftovers.push(...files.flatMap(({ path }) => [`${path}.old`, `${path}.old.new`]));
  await target.finish(own.path, [...leftovers, ...retired.map(({ path }) => path)]);
  if (retired.length === 0) return;
  // sshd still offers the removed keys until it reloads.
  await target.reload();
  await connectAfresh(job, presented, TAKE_UP_SECONDS);
}

/** Warns of certificates that sshd no longer presents, because it does not have their keys. */
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

function pinned({ connection }: Inputs, hostPublicKeys: string[]): ConnectionSettings {
  return { ...connection, hostPublicKeys };
}
