import { formatPublicKey, parsePublicKey, type PublicKey } from "@nixops4-providers/ssh-keys";
import { bareHost } from "@nixops4-providers/provider-sdk";

interface Host {
  host: string;
  port: number;
}

/** Returns the key in a line of `hostPublicKeys`: a public key, or a line of known_hosts, whose names are ignored. */
export function parseHostKey(line: string): PublicKey {
  return parsePublicKey(split(line).key);
}

/** Returns the key as a line without a comment, for comparison. */
export function plainHostKey(line: string): string {
  return formatPublicKey({ ...parseHostKey(line), comment: "" });
}

/** Returns why a line of `hostPublicKeys` is not valid for a host; `undefined` when it is. */
export function hostKeyProblem(line: string, host: Host): string | undefined {
  const { marker, names } = split(line);
  if (marker === "@cert-authority") {
    return "is the key of a certificate authority, which cannot vouch for hosts here: take the host's own key";
  }
  if (marker !== undefined) return `is marked ${marker}: take the key that the host has now`;
  try {
    parseHostKey(line);
  } catch (error) {
    return (error as Error).message;
  }
  if (names === undefined || isFor(names, host)) return undefined;
  const shown = names.startsWith("|") ? "a host whose name is hashed" : names;
  return `is a line of known_hosts for ${shown}, not for ${host.host}: without its first word it is taken as this host's`;
}

/** Splits off the marker and the host names that a line of known_hosts begins with (sshd(8)). */
function split(line: string): { marker?: string; names?: string; key: string } {
  const [, marker, names, key] =
    /^(?:(@\S+)[ \t]+)?(\S+)[ \t]+((?:sk-)?(?:ssh|ecdsa)-\S+[ \t].*)$/s.exec(line.trim()) ?? [];
  if (key === undefined) return { key: line };
  return { ...(marker === undefined ? {} : { marker }), names: names!, key };
}

function isFor(names: string, { host, port }: Host): boolean {
  const name = bareHost(host).toLowerCase();
  const candidates = [`[${name}]:${port}`, name];
  if (names.startsWith("|")) return candidates.some((candidate) => hasHash(names, candidate));
  const patterns = names.toLowerCase().split(",");
  const matches = (pattern: string) => candidates.some((candidate) => toRegExp(pattern).test(candidate));
  return (
    patterns.some((pattern) => !pattern.startsWith("!") && matches(pattern)) &&
    !patterns.some((pattern) => pattern.startsWith("!") && matches(pattern.slice(1)))
  );
}

/** Compares a name with the form that `ssh-keygen -H` writes: `|1|salt|hash`, where the hash is HMAC-SHA1 of the name. */
function hasHash(names: string, name: string): boolean {
  const [, version, salt = "", hash] = names.split("|");
  const { createHmac } = process.getBuiltinModule("node:crypto");
  return (
    version === "1" && createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash
  );
}

function toRegExp(pattern: string): RegExp {
  const source = pattern.replaceAll(/\*+/g, "*").replaceAll(/[^\w*?]/g, "\\$&");
  return new RegExp(`^${source.replaceAll("*", ".*").replaceAll("?", ".")}$`);
}
