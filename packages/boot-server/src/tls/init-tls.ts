import { X509Certificate, createPrivateKey } from "node:crypto";
import * as fs from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { makePrivateFolder, replaceFile } from "@nixops4-providers/durable-log";
import { ProviderError, refuseExposedFile } from "@nixops4-providers/provider-sdk";
import type { Issuer } from "./certificates.ts";

export interface InitTlsOptions {
  /** The folder for ca, server and client as .crt and .key. Created with mode 0700. Refused if other users can change it. */
  folder: string;
  /** The names and IP addresses at which clients reach the server. */
  hosts: string[];
  /** The validity of the server and client certificates in days, from 1 to 3650. They do not expire after the CA. */
  days: number;
  /** Whether to replace the server and client certificates. The existing keys are kept. */
  renew?: boolean | undefined;
}

export interface InitTlsResult {
  /** The names of the files that were created. */
  made: string[];
  kept: string[];
}

const CA_DAYS = 3650;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/**
 * Creates the missing files for mutual TLS: a CA, and its certificates for one server and its clients. Never replaces an
 * existing key or CA.
 */
export async function initTls({
  folder,
  hosts,
  days,
  renew = false,
}: InitTlsOptions): Promise<InitTlsResult> {
  checkOptions(hosts, days);
  const certificates = await import("./certificates.ts");
  await makeKeyFolder(folder);
  const files = new Files(folder);

  const ca = await files.pair("ca");
  if (ca.certificate !== undefined && ca.key === undefined) {
    throw new Error(
      `${folder} contains ca.crt but not its key, ca.key: restore the key, or use another folder`,
    );
  }
  const caKey = ca.key ?? (await files.addKey("ca", await certificates.newPrivateKey()));
  const issuer: Issuer = {
    key: caKey,
    certificate:
      ca.certificate ?? (await files.putCertificate("ca", certificates.caCertificate(caKey, CA_DAYS))),
  };
  if (expired(issuer.certificate)) throw new Error(`the CA in ${folder} has expired: use another folder`);

  for (const name of ["server", "client"] as const) {
    const pair = await files.pair(name);
    const key = pair.key ?? (await files.addKey(name, await certificates.newPrivateKey()));
    if (pair.certificate !== undefined && pair.key !== undefined && !renew) {
      if (name === "server") checkHosts(pair.certificate, hosts, folder);
      continue;
    }
    const certificate =
      name === "server"
        ? certificates.serverCertificate(issuer, key, hosts, days)
        : certificates.clientCertificate(issuer, key, days);
    await files.putCertificate(name, certificate);
  }
  return { made: files.made, kept: files.found.filter((file) => !files.made.includes(file)) };
}

class Files {
  readonly made: string[] = [];
  readonly found: string[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Returns the existing certificate and key. Throws if they do not match, or if other users can read the key. */
  async pair(name: string): Promise<{ certificate: string | undefined; key: string | undefined }> {
    const certificate = await this.#read(`${name}.crt`, (pem) => new X509Certificate(pem));
    const key = await this.#read(`${name}.key`, createPrivateKey);
    if (certificate !== undefined && key !== undefined) {
      if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
        throw new Error(`${name}.crt and ${name}.key in ${this.#folder} do not match`);
      }
    }
    if (key !== undefined) {
      await refuseExposedFile({ file: join(this.#folder, `${name}.key`) }, `the key ${name}.key`);
    }
    return { certificate, key };
  }

  async addKey(name: string, pem: string): Promise<string> {
    const file = `${name}.key`;
    const path = join(this.#folder, file);
    const temporary = `${path}.new`;
    await replaceFile(temporary, pem, { mode: 0o600 });
    try {
      // Unlike rename, link does not replace an existing file.
      await fs.link(temporary, path);
    } finally {
      await fs.rm(temporary);
    }
    this.made.push(file);
    return pem;
  }

  async putCertificate(name: string, pem: string): Promise<string> {
    const file = `${name}.crt`;
    await replaceFile(join(this.#folder, file), pem, { mode: 0o644 });
    this.made.push(file);
    return pem;
  }

  async #read(file: string, parse: (pem: string) => unknown): Promise<string | undefined> {
    const path = join(this.#folder, file);
    try {
      const pem = await fs.readFile(path, "utf8");
      parse(pem);
      this.found.push(file);
      return pem;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw new Error(`cannot use ${path}: ${(error as Error).message}`, { cause: error });
    }
  }
}

async function makeKeyFolder(folder: string): Promise<void> {
  await makePrivateFolder(folder, 0o700).catch((cause: unknown) => {
    throw new ProviderError(`cannot create keys in ${folder}`, {
      cause,
      hint: "Use a folder that only you can write to, and whose parent folders only root and you can change.",
    });
  });
}

function checkOptions(hosts: string[], days: number): void {
  if (hosts.length === 0)
    throw new Error("at least one host is required: a name or IP address at which clients reach the server");
  const bad = hosts.find((host) => isIP(host) === 0 && !HOST_NAME.test(host));
  if (bad !== undefined) throw new Error(`${JSON.stringify(bad)} is neither a host name nor an IP address`);
  if (!Number.isInteger(days) || days < 1 || days > CA_DAYS) {
    throw new Error(`days must be a whole number from 1 to ${CA_DAYS}`);
  }
}

function checkHosts(pem: string, hosts: string[], folder: string): void {
  const certificate = new X509Certificate(pem);
  const missing = hosts.find(
    (host) => !(isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)),
  );
  if (missing !== undefined) {
    throw new Error(
      `the server's certificate in ${folder} is not valid for ${missing}: use --renew to change its hosts`,
    );
  }
}

function expired(pem: string): boolean {
  return Date.parse(new X509Certificate(pem).validTo) < Date.now();
}
