import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { ChannelCredentials, type ChannelOptions } from "@grpc/grpc-js";
import { ProviderError } from "@nixops4-providers/provider-sdk";

/** The certificates and the key in PEM format. */
export interface TlsFiles {
  caCertificate: string;
  clientCertificate: string;
  clientKey: string;
}

/** Returns the credentials for mutual TLS. Checks the files first, because TLS would only report a failed handshake. */
export function tlsCredentials(
  address: string,
  { caCertificate, clientCertificate, clientKey }: TlsFiles,
): { credentials: ChannelCredentials; options: ChannelOptions } {
  validCertificate("caCertificate", caCertificate);
  const certificate = validCertificate("clientCertificate", clientCertificate);
  if (!certificate.checkPrivateKey(privateKey(clientKey))) {
    throw new ProviderError("the key does not belong to the client certificate", { path: "clientKey" });
  }
  const host = hostOf(address);
  const credentials = ChannelCredentials.createSsl(
    Buffer.from(caCertificate),
    Buffer.from(clientKey),
    Buffer.from(clientCertificate),
    { checkServerIdentity: (_, peer) => checkServerIdentity(host, peer) },
  );
  // RFC 6066 section 3: a server name cannot be an IP address. Node warns about one.
  const options = isIP(host) ? { "grpc.ssl_target_name_override": "nixops4-boot-server" } : {};
  return { credentials, options };
}

function hostOf(address: string): string {
  const [, bracketed, plain] = /^(?:\[([0-9a-f:.]+)\]|([^[\]:/]+)):\d+$/i.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) {
    const hint = "Write it as boot.example.org:8443, 10.0.0.1:8443 or [fd00::1]:8443.";
    throw new ProviderError(`"${address}" is not a host and a port`, { path: "address", hint });
  }
  return host;
}

function validCertificate(path: keyof TlsFiles, pem: string): X509Certificate {
  const certificate = parseCertificate(path, pem);
  const now = Date.now();
  if (Date.parse(certificate.validTo) < now) {
    const hint =
      "Create a new one with `nixops4-boot-server init-tls --renew`, or a new CA in another folder.";
    throw new ProviderError(`the certificate expired on ${certificate.validTo}`, { path, hint });
  }
  if (Date.parse(certificate.validFrom) > now) {
    const hint = "Check the clock of this machine.";
    throw new ProviderError(`the certificate is valid only from ${certificate.validFrom}`, { path, hint });
  }
  return certificate;
}

function parseCertificate(path: keyof TlsFiles, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new ProviderError("not a certificate in PEM format", { path, cause });
  }
}

function privateKey(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    throw new ProviderError("not a private key in PEM format, or one with a passphrase", {
      path: "clientKey",
    });
  }
}
