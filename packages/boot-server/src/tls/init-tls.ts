import { X509Certificate, createPrivateKey } from "node:crypto";
import * as fs from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { makePrivateFolder, replaceFile } from "@nixops4-providers/durable-log";
import { ProviderError, refuseExposedFile } from "@nixops4-providers/provider-sdk";
import type { Issuer } from "./certificates.ts";

export interface InitTlsOptions {
  /** Gets ca, server and client as .crt and .key; made, mode 0700, when it is missing. Refused when others can change it. */
  folder: string;
  /** Names and addresses by which clients reach the server. */
  hosts: string[];
  /** For how long the certificates of server and client are valid, from 1 to 3650; not longer than the CA's. */
  days: number;
  /** Makes new certificates for server and client, for the keys that are there. */
  renew?: boolean | undefined;
}

export interface InitTlsResult {
  /** Names of files. */
  made: string[];
  kept: string[];
}

const CA_DAYS = 3650;
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/**
 * Makes what mutual TLS needs and is not there yet: a CA, and certificates of it for one server and its clients.
 * An existing key or CA is never replaced.
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
      `${folder} has the certificate of a CA but not its key, ca.key: put it back, or take another folder`,
    );
  }
  const caKey = ca.key ?? (await files.addKey("ca", await certificates.newPrivateKey()));
  const issuer: Issuer = {
    key: caKey,
    certificate:
      ca.certificate ?? (await files.putCertificate("ca", certificates.caCertificate(caKey, CA_DAYS))),
  };
  if (expired(issuer.certificate)) throw new Error(`the CA in ${folder} has expired: take another folder`);

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

  /** The existing files, once they are known to be complete. */
  async pair(name: string): Promise<{ certificate: string | undefined; key: string | undefined }> {
    const certificate = await this.#read(`${name}.crt`, (pem) => new X509Certificate(pem));
    const key = await this.#read(`${name}.key`, createPrivateKey);
    if (certificate !== undefined && key !== undefined) {
      if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
        throw new Error(`${name}.crt and ${name}.key in ${this.#folder} do not belong together`);
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
      // Unlike renaming, this replaces nothing.
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
    throw new ProviderError(`cannot make keys in ${folder}`, {
      cause,
      hint: "Take a folder in which only you can write, and whose parent folders nobody but root and you can change.",
    });
  });
}

function checkOptions(hosts: string[], days: number): void {
  if (hosts.length === 0) throw new Error("name at least one host, as clients will call the server");
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
      `the server's certificate in ${folder} is not for ${missing}: renew it to change its hosts`,
    );
  }
}

function expired(pem: string): boolean {
  return Date.parse(new X509Certificate(pem).validTo) < Date.now();
}
