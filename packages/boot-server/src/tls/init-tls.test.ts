import { X509Certificate, generateKeyPair } from "node:crypto";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { caCertificate } from "./certificates.ts";
import { initTls, type InitTlsOptions } from "./init-tls.ts";

const FILES = ["ca.crt", "ca.key", "client.crt", "client.key", "server.crt", "server.key"];
const HOSTS = ["boot.example.org", "127.0.0.1"];

/** The files of a complete run, which each test copies. Its keys are short, because new keys take long. */
let original: string;
let folder: string;

beforeAll(async () => {
  original = await fs.mkdtemp(join(tmpdir(), "init-tls-original-"));
  for (const name of ["ca", "server", "client"]) {
    const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    await fs.writeFile(join(original, `${name}.key`), pem, { mode: 0o600 });
  }
  const { made } = await initTls({ folder: original, hosts: HOSTS, days: 30 });
  expect(made).toEqual(["ca.crt", "server.crt", "client.crt"]);
});
afterAll(async () => fs.rm(original, { recursive: true }));
beforeEach(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "init-tls-"));
  for (const file of FILES) await fs.copyFile(join(original, file), join(folder, file));
});
afterEach(async () => fs.rm(folder, { recursive: true }));

const again = async (options: Partial<InitTlsOptions> = {}) =>
  initTls({ folder, hosts: HOSTS, days: 30, ...options });
const errorOf = async (options: Partial<InitTlsOptions> = {}) =>
  again(options).then(
    () => "no error",
    (error: unknown) => describeError(error),
  );
const remove = async (...files: string[]) => {
  for (const file of files) await fs.rm(join(folder, file));
};

/** Returns the names of the files that are not as in the beginning. */
async function changed(): Promise<string[]> {
  const read = async (from: string, file: string) => fs.readFile(join(from, file), "utf8").catch(() => "");
  const pairs = await Promise.all(
    FILES.map(async (file) => [file, (await read(original, file)) === (await read(folder, file))] as const),
  );
  return pairs.filter(([, same]) => !same).map(([file]) => file);
}

describe("the files", () => {
  it("can be read by their owner only, if they are keys", async () => {
    const modes = await Promise.all(
      FILES.map(async (file) => (await fs.stat(join(original, file))).mode & 0o777),
    );
    expect(modes).toEqual([0o644, 0o600, 0o644, 0o600, 0o644, 0o600]);
  });

  it("are kept by a second run", async () => {
    const { made, kept } = await again();
    expect([made, kept.toSorted(), await changed()]).toEqual([[], FILES, []]);
  });

  it.each([
    ["a certificate", ["client.crt"], ["client.crt"]],
    ["the certificates", ["client.crt", "server.crt"], ["client.crt", "server.crt"]],
    ["the certificate of the CA", ["ca.crt"], ["ca.crt"]],
  ])("that are missing are created: %s", async (_what, missing, expected) => {
    await remove(...missing);
    const { made } = await again();
    expect([made.toSorted(), await changed()]).toEqual([expected, expected]);
  });

  it("of a missing key are created together", async () => {
    await remove("server.key");
    const { made, kept } = await again();
    expect([made.toSorted(), await changed()]).toEqual([
      ["server.crt", "server.key"],
      ["server.crt", "server.key"],
    ]);
    expect(kept.toSorted()).toEqual(["ca.crt", "ca.key", "client.crt", "client.key"]);
    expect((await fs.stat(join(folder, "server.key"))).mode & 0o777).toBe(0o600);
    expect((await fs.readdir(folder)).toSorted()).toEqual(FILES);
  });

  it("are renewed for other hosts, with the same keys", async () => {
    const { made } = await again({ hosts: ["example.net", "fd00::1"], renew: true });
    expect([made, await changed()]).toEqual([
      ["server.crt", "client.crt"],
      ["client.crt", "server.crt"],
    ]);
    const certificate = new X509Certificate(await fs.readFile(join(folder, "server.crt")));
    expect(certificate.subjectAltName).toBe("DNS:example.net, IP Address:FD00:0:0:0:0:0:0:1");
  });
});

describe("refuses", () => {
  const DAYS = "days must be a whole number from 1 to 3650";

  it.each<[string, Partial<InitTlsOptions>, string]>([
    [
      "no host",
      { hosts: [] },
      "at least one host is required: a name or IP address at which clients reach the server",
    ],
    ["a URL", { hosts: ["a", "http://x"] }, '"http://x" is neither a host name nor an IP address'],
    ["half an address", { hosts: ["fd00:::1"] }, '"fd00:::1" is neither a host name nor an IP address'],
    ["no day", { days: 0 }, DAYS],
    ["half a day", { days: 1.5 }, DAYS],
    ["no number", { days: Number.NaN }, DAYS],
    ["too many days", { days: 3651 }, DAYS],
  ])("%s", async (_what, options, message) => {
    expect(await errorOf(options)).toBe(message);
  });

  it.each([1, 3650])("no valid number of days: %i", async (days) => {
    expect(await errorOf({ days })).toBe("no error");
  });

  it.each([
    ["example.net", "example.net"],
    ["10.0.0.1", "10.0.0.1"],
  ])("a certificate that is not for %s", async (host, shown) => {
    expect(await errorOf({ hosts: ["127.0.0.1", host] })).toBe(
      `the server's certificate in ${folder} is not valid for ${shown}: use --renew to change its hosts`,
    );
  });

  it("a CA without its key", async () => {
    await remove("ca.key");
    expect(await errorOf()).toBe(
      `${folder} contains ca.crt but not its key, ca.key: restore the key, or use another folder`,
    );
    expect(await changed()).toEqual(["ca.key"]);
  });

  it("a CA that has expired", async () => {
    const key = await fs.readFile(join(folder, "ca.key"), "utf8");
    await fs.writeFile(join(folder, "ca.crt"), caCertificate(key, -1 / 1440));
    expect(await errorOf()).toBe(`the CA in ${folder} has expired: use another folder`);
  });

  it.each(["ca", "server", "client"])("a certificate and a key of the %s that do not match", async (name) => {
    const other = name === "client" ? "server" : "client";
    await fs.copyFile(join(original, `${other}.key`), join(folder, `${name}.key`));
    expect(await errorOf()).toBe(`${name}.crt and ${name}.key in ${folder} do not match`);
  });

  it.each(["ca.crt", "ca.key", "server.key"])("a file that is damaged: %s", async (file) => {
    await fs.writeFile(join(folder, file), "");
    expect(await errorOf()).toMatch(`cannot use ${join(folder, file)}: `);
    expect(await changed()).toEqual([file]);
  });

  it.each(["ca.key", "client.key"])("a key that others may read: %s", async (file) => {
    await fs.chmod(join(folder, file), 0o640);
    expect(await errorOf({ renew: true })).toMatch(/others may read the file .* mode: 0640/);
  });

  it("a key that others may read, also without its certificate", async () => {
    await remove("server.crt");
    await fs.chmod(join(folder, "server.key"), 0o640);
    expect(await errorOf()).toMatch(/others may read the file .*server\.key/);
  });

  it("a folder that others can change", async () => {
    await fs.mkdir(join(folder, "open"));
    await fs.chmod(join(folder, "open"), 0o777);
    expect(await errorOf({ folder: join(folder, "open") })).toMatch(
      new RegExp(`^cannot create keys in ${folder}/open: `),
    );
    expect(await fs.readdir(join(folder, "open"))).toEqual([]);
  });
});
