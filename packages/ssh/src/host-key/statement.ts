import { canonicalJson } from "@nixops4-providers/json";
import {
  fingerprint,
  formatPublicKey,
  parsePublicKey,
  type PublicKey,
  verifySignature,
} from "@nixops4-providers/ssh-keys";

/** The namespace of signatures of statements, for `ssh-keygen -Y sign -n`. */
export const NAMESPACE = "nixops4-host-key@nixops4-providers";

/** The statement of an old host key about the key that replaces it. */
export interface Statement {
  version: 1;
  /** The label of the host on the deploying machine, such as `web1:22`. */
  host: string;
  oldFingerprint: string;
  newFingerprint: string;
  newPublicKey: string;
  /** The same for each attempt at the same rotation. */
  operationId: string;
}

/** A verified statement. Keys are lines without comment. */
export interface Succession {
  oldKey: string;
  newKey: string;
  operationId: string;
}

export interface Findings {
  /** In the order in which they happened. */
  successions: Succession[];
  /** The problem of the last statement that is not valid. */
  problem: string | undefined;
}

export function formatStatement(statement: Statement): string {
  return canonicalJson(statement);
}

/** A line of the record of rotations. */
export function formatEntry(statement: string, signature: string): string {
  return `${JSON.stringify({ statement, signature })}\n`;
}

/** The number of rotations in the record on the host. */
const MAX_ENTRIES = 100;

/** Returns the record with an entry at its end, in place of an entry with the same statement. */
export function addEntry(record: string, statement: string, entry: string): string {
  const others = record
    .split("\n")
    .filter((line) => line !== "" && !line.includes(JSON.stringify(statement)))
    .map((line) => `${line}\n`);
  return [...others, entry].slice(-MAX_ENTRIES).join("");
}

/**
 * Verifies a record of rotations from an untrusted source. A statement is valid if a trusted key has signed it for this
 * host; its new key is then trusted for the next statements. All other statements are ignored.
 */
export function verifyRecord(record: string, host: string, trusted: readonly string[]): Findings {
  const signers = trusted.map(parsePublicKey);
  const findings: Findings = { successions: [], problem: undefined };
  for (const line of record.split("\n")) {
    if (line === "") continue;
    try {
      const succession = verifyEntry(line, host, signers);
      findings.successions.push(succession);
      signers.push(parsePublicKey(succession.newKey));
    } catch (error) {
      findings.problem = (error as Error).message;
    }
  }
  return findings;
}

/** Returns all successors of a key, in their order. */
export function successorsOf(key: string, successions: readonly Succession[]): string[] {
  const keys = [key];
  for (const { oldKey, newKey } of successions) if (keys.includes(oldKey)) keys.push(newKey);
  return keys.slice(1);
}

function verifyEntry(line: string, host: string, signers: readonly PublicKey[]): Succession {
  const { statement, signature } = parseObject(line, ["signature", "statement"]);
  const { version, host: statedHost, ...stated } = parseObject(statement!, STATEMENT_FIELDS);
  if (version !== "1") throw new Error(`its version is ${quote(version!)}`);
  const signer = verifySignature(signature!, { message: statement!, namespace: NAMESPACE, signers });
  if (statedHost !== host) throw new Error(`it is for the host ${quote(statedHost!)}`);
  if (stated["oldFingerprint"] !== fingerprint(signer.blob))
    throw new Error("it is not about the key that signed it");
  const newKey = parsePublicKey(stated["newPublicKey"]!);
  if (stated["newFingerprint"] !== fingerprint(newKey.blob))
    throw new Error("its fingerprint is not of its key");
  return {
    oldKey: formatPublicKey({ ...signer, comment: "" }),
    newKey: formatPublicKey({ ...newKey, comment: "" }),
    operationId: stated["operationId"]!,
  };
}

const STATEMENT_FIELDS = [
  "host",
  "newFingerprint",
  "newPublicKey",
  "oldFingerprint",
  "operationId",
  "version",
];

/** An object with exactly these fields, each as text. */
function parseObject(json: string, names: readonly string[]): Record<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new Error("it is not JSON");
  }
  const fields = typeof value === "object" && value !== null ? value : {};
  if (Object.keys(fields).toSorted().join() !== names.join()) {
    throw new Error("its fields are not those of a statement");
  }
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, String(field)]));
}

/** Quotes text of an unverified host for a message. */
function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
