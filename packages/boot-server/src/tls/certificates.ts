import { createPublicKey, generateKeyPair, randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { promisify } from "node:util";
import forge from "node-forge";

/** A CA, in PEM format. */
export interface Issuer {
  certificate: string;
  key: string;
}

/** Certificates are valid from one hour ago, because clocks differ. */
const BACKDATE_MS = 3_600_000;
const DAY_MS = 86_400_000;
const KEY_BITS = 3072;

/** Returns a new private key, as PKCS #8 in PEM format. */
export async function newPrivateKey(): Promise<string> {
  // node-forge signs with RSA only.
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: KEY_BITS });
  return privateKey.export({ type: "pkcs8", format: "pem" }) as string;
}

export function caCertificate(key: string, days: number): string {
  const certificate = newCertificate(key, "nixops4-boot-server CA", Date.now() + days * DAY_MS);
  return signed(certificate, certificate, key, [
    { name: "basicConstraints", critical: true, cA: true, pathLenConstraint: 0 },
    { name: "keyUsage", critical: true, keyCertSign: true, cRLSign: true },
  ]);
}

/** Returns a server certificate for all these names and IP addresses. */
export function serverCertificate(
  issuer: Issuer,
  key: string,
  hosts: readonly string[],
  days: number,
): string {
  const altNames = hosts.map((host) => (isIP(host) ? { type: 7, ip: host } : { type: 2, value: host }));
  return leafCertificate(issuer, key, "nixops4-boot-server", days, [
    { name: "keyUsage", critical: true, digitalSignature: true, keyEncipherment: true },
    { name: "extKeyUsage", serverAuth: true },
    { name: "subjectAltName", altNames },
  ]);
}

export function clientCertificate(issuer: Issuer, key: string, days: number): string {
  return leafCertificate(issuer, key, "nixops4-boot-server client", days, [
    { name: "keyUsage", critical: true, digitalSignature: true },
    { name: "extKeyUsage", clientAuth: true },
  ]);
}

/** Returns a certificate that does not expire after its issuer. */
function leafCertificate(
  issuer: Issuer,
  key: string,
  commonName: string,
  days: number,
  extensions: object[],
): string {
  const ca = forge.pki.certificateFromPem(issuer.certificate);
  const notAfter = Math.min(Date.now() + days * DAY_MS, ca.validity.notAfter.getTime());
  return signed(newCertificate(key, commonName, notAfter), ca, issuer.key, [
    { name: "basicConstraints", critical: true, cA: false },
    ...extensions,
    { name: "authorityKeyIdentifier", keyIdentifier: ca.generateSubjectKeyIdentifier().getBytes() },
  ]);
}

function newCertificate(key: string, commonName: string, notAfter: number): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate();
  const publicKey = createPublicKey(key).export({ type: "spki", format: "pem" });
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey as string);
  certificate.serialNumber = newSerial();
  certificate.validity.notBefore = new Date(Date.now() - BACKDATE_MS);
  certificate.validity.notAfter = new Date(notAfter);
  certificate.setSubject([{ name: "commonName", value: commonName }]);
  return certificate;
}

function signed(
  certificate: forge.pki.Certificate,
  issuer: forge.pki.Certificate,
  issuerKey: string,
  extensions: object[],
): string {
  certificate.setIssuer(issuer.subject.attributes);
  certificate.setExtensions([...extensions, { name: "subjectKeyIdentifier" }]);
  certificate.sign(forge.pki.privateKeyFromPem(issuerKey), forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate).replaceAll("\r", "");
}

/** Returns a random serial number. It must be positive (RFC 5280 section 4.1.2.2). */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes.toString("hex");
}
