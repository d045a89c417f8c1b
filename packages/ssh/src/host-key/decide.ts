import { createHash } from "node:crypto";
import { canonicalJson } from "@nixops4-providers/json";
import type { ConvergeRequest } from "@nixops4-providers/provider-sdk";
import { plainHostKey } from "@nixops4-providers/ssh-client";
import { fingerprint, keySpec, parsePublicKey } from "@nixops4-providers/ssh-keys";
import type { Inputs, Outputs } from "./schema.ts";
import { successorsOf, type Succession } from "./statement.ts";
import type { KeyFile } from "./target.ts";

/** The keys that a run knows. They are lines without comment. */
export interface Keys {
  /** The keys that the host may present, or that may have signed the key that it presents. */
  pins: string[];
  /** The pins and the keys that they have replaced. The record of an authenticated host starts from one of them. */
  history: string[];
  /** Identifies the wanted key: a key that was made for it needs no rotation. */
  operationId: string;
  /** The recorded key, if it is the wanted one. */
  settled: string | undefined;
}

type Wanted = Pick<Inputs, "algorithm" | "bits">;

const DEFAULT_BITS = { ed25519: undefined, ecdsa: 256, rsa: 3072 };

/** Returns the keys for a run with these inputs after an earlier run. */
export function keysOf(
  inputs: Pick<Inputs, "connection" | "algorithm" | "bits" | "keepers">,
  previous: ConvergeRequest<Inputs, Outputs>["previous"],
): Keys {
  const recorded = previous?.outputs.hostPublicKey;
  const first = recorded === undefined ? [] : [recorded];
  const operationId = operationOf(inputs);
  const isSettled = previous !== undefined && operationOf(previous.inputs) === operationId;
  const settled = isSettled ? recorded : undefined;
  const trusted = trustedInputs(inputs, settled === undefined ? undefined : previous?.inputs);
  return {
    // The recorded key comes first: sshd may also have an unknown key of the type of another pin.
    pins: [...first, ...trusted].map(plainHostKey),
    history: [...first, ...inputs.connection.hostPublicKeys].map(plainHostKey),
    operationId,
    settled,
  };
}

/**
 * Returns the keys of the inputs that are trusted besides the recorded one. Once the wanted key is recorded, the former
 * keys are not trusted: others may know a temporary key, and could impersonate the host with it. A key that was added to
 * the inputs since then is trusted.
 */
function trustedInputs(
  { connection }: Pick<Inputs, "connection">,
  settledInputs: Partial<Inputs> | undefined,
): string[] {
  const former = settledInputs?.connection?.hostPublicKeys.map(plainHostKey) ?? [];
  return connection.hostPublicKeys.filter((key) => !former.includes(plainHostKey(key)));
}

/** Returns an id of the wanted key, by which a run recognizes the work of an interrupted one. */
function operationOf({
  algorithm = "ed25519",
  bits = DEFAULT_BITS[algorithm],
  keepers = {},
}: Partial<Inputs>): string {
  return createHash("sha256").update(canonicalJson({ algorithm, bits, keepers })).digest("hex");
}

/** Whether the key that the host presents needs no rotation. */
export function isWanted(
  { settled, operationId }: Pick<Keys, "settled" | "operationId">,
  { presented, successions }: { presented: string; successions: readonly Succession[] },
): boolean {
  return (
    presented === settled ||
    successions.some((one) => one.newKey === presented && one.operationId === operationId)
  );
}

/** Returns the files with keys that the presented one has replaced. */
export function replacedFiles(
  files: readonly KeyFile[],
  presented: string,
  successions: readonly Succession[],
): KeyFile[] {
  return files.filter(({ key }) => key !== presented && successorsOf(key, successions).includes(presented));
}

/** Whether a key that an interrupted run has made is of the wanted kind. */
export function isUsable(key: string, wanted: Wanted): boolean {
  if (typeOf(key) !== wantedType(wanted)) return false;
  const { bits } = keySpec(parsePublicKey(key).blob);
  return bits === (bitsOf(wanted) ?? bits);
}

export function wantedType(wanted: Wanted): string {
  const { algorithm } = wanted;
  return algorithm === "ecdsa" ? `ecdsa-sha2-nistp${bitsOf(wanted)}` : `ssh-${algorithm}`;
}

export function bitsOf({ algorithm, bits }: Wanted): number | undefined {
  return bits ?? DEFAULT_BITS[algorithm];
}

export function typeOf(key: string): string {
  return key.split(" ", 1)[0]!;
}

/** Returns a key for messages. */
export function shorten(key: string): string {
  return `${fingerprint(parsePublicKey(key).blob)} (${typeOf(key)})`;
}
