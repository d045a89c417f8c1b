import { spawnSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { connectBootService, type BootClient } from "@nixops4-providers/boot-api";
import { clientCertificate, serverCertificate } from "../src/tls/certificates.ts";
import { initTls } from "../src/tls/init-tls.ts";
import { assetOf, chunks, GrpcLab, KERNEL, KERNEL_ASSET, spec } from "./grpc-lab.ts";

const HOSTS = ["localhost", "boot.example.org", "127.0.0.1", "fd00::1"];
const DAYS = 30;
const FILES = ["ca.crt", "ca.key", "client.crt", "client.key", "server.crt", "server.key"];

let folder: string;
let others: string;

beforeAll(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), "boot-tls-"));
  others = join(folder, "others");
  const made = await initTls({ folder, hosts: HOSTS, days: DAYS });
  expect(made).toEqual({ made: expect.arrayContaining(FILES), kept: [] });
  await initTls({ folder: others, hosts: HOSTS, days: DAYS });
});
afterAll(async () => {
  await fs.rm(folder, { recursive: true });
});

const read = (file: string, from = folder) => fs.readFile(join(from, file), "utf8");
const readAll = async (files: string[]) => Promise.all(files.map((file) => read(file)));

const withOpenssl = spawnSync("openssl", ["version"]).status === 0 ? describe : describe.skip;

withOpenssl("the certificates (needs openssl)", () => {
  const openssl = (...args: string[]) => spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
  const verify = (...args: string[]) => openssl("verify", "-x509_strict", "-CAfile", "ca.crt", ...args);

  it.each(HOSTS)("are good for a server called %s", (host) => {
    const option = /[^0-9a-f:.]/.test(host) ? "-verify_hostname" : "-verify_ip";
    expect(verify("-purpose", "sslserver", option, host, "server.crt").stdout).toBe("server.crt: OK\n");
  });

  it("are good for a client, and for nothing else", () => {
    expect(verify("-purpose", "sslclient", "client.crt").stdout).toBe("client.crt: OK\n");
    expect(verify("-purpose", "sslserver", "-verify_hostname", "example.net", "server.crt").status).not.toBe(
      0,
    );
    expect(verify("-purpose", "sslclient", "server.crt").stderr).toMatch(/purpose/);
    expect(verify("-purpose", "sslserver", "client.crt").stderr).toMatch(/purpose/);
    const foreign = openssl("verify", "-CAfile", "others/ca.crt", "-purpose", "sslclient", "client.crt");
    expect(foreign.status).not.toBe(0);
  });

  it("say what they are for", () => {
    const text = (file: string) => openssl("x509", "-in", file, "-noout", "-text").stdout;
    const ca = text("ca.crt");
    expect(ca).toMatch(/Basic Constraints: critical\s+CA:TRUE, pathlen:0/);
    expect(ca).toMatch(/Key Usage: critical\s+Certificate Sign, CRL Sign\n/);
    expect(ca).toContain("Subject Key Identifier");
    const server = text("server.crt");
    expect(server).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(server).toMatch(/Key Usage: critical\s+Digital Signature, Key Encipherment\n/);
    expect(server).toMatch(/Extended Key Usage: \s+TLS Web Server Authentication\n/);
    expect(server).toMatch(
      /DNS:localhost, DNS:boot\.example\.org, IP Address:127\.0\.0\.1, IP Address:FD00:0:0:0:0:0:0:1\n/,
    );
    const client = text("client.crt");
    expect(client).toMatch(/Key Usage: critical\s+Digital Signature\n/);
    expect(client).toMatch(/Extended Key Usage: \s+TLS Web Client Authentication\n/);
    const identifier = (certificate: string, kind: string) =>
      new RegExp(`${kind} Key Identifier: \\s+(\\S+)`).exec(certificate)?.[1];
    for (const leaf of [server, client]) {
      expect(identifier(leaf, "Authority")).toBe(identifier(ca, "Subject"));
      expect(leaf).toContain("sha256WithRSAEncryption");
    }
    const serials = [ca, server, client].map(
      (certificate) => /Serial Number:\s+(\S+)/.exec(certificate)?.[1],
    );
    expect(new Set(serials).size).toBe(3);
  });

  it("are valid from a little earlier on, for as long as was asked for", () => {
    const dates = openssl("x509", "-in", "server.crt", "-noout", "-startdate", "-enddate").stdout;
    const [start, end] = [...dates.matchAll(/=(.*)/g)].map(([, date]) => Date.parse(date!));
    const hour = 3_600_000;
    expect(Date.now() - start!).toBeGreaterThanOrEqual(hour);
    expect(Date.now() - start!).toBeLessThan(hour + 600_000);
    expect(Math.round((end! - Date.now()) / (24 * hour))).toBe(DAYS);
  });

  it("have keys that only their owner reads", async () => {
    for (const name of ["ca", "server", "client"]) {
      expect((await fs.stat(join(folder, `${name}.key`))).mode & 0o777).toBe(0o600);
      expect((await fs.stat(join(folder, `${name}.crt`))).mode & 0o777).toBe(0o644);
    }
    expect((await fs.stat(others)).mode & 0o777).toBe(0o700);
    expect((await fs.readdir(others)).toSorted()).toEqual(FILES);
  });
});

describe("running it again", () => {
  it("changes nothing", async () => {
    const before = await readAll(FILES);
    const { made, kept } = await initTls({ folder, hosts: ["localhost"], days: DAYS });
    expect(made).toEqual([]);
    expect(kept.toSorted()).toEqual(FILES);
    expect(await readAll(FILES)).toEqual(before);
  });

  it("makes only what is missing", async () => {
    const before = await readAll(FILES);
    await fs.rm(join(folder, "client.crt"));
    await fs.rm(join(folder, "server.key"));
    const { made } = await initTls({ folder, hosts: HOSTS, days: DAYS });
    expect(made.toSorted()).toEqual(["client.crt", "server.crt", "server.key"]);
    const changed = FILES.filter((_, i) => before[i] === undefined);
    expect(changed).toEqual([]);
    expect(await read("ca.crt")).toBe(before[0]);
    expect(await read("client.key")).toBe(before[3]);
  });

  it("renews certificates, and keeps keys and CA", async () => {
    const before = await readAll(FILES);
    const { made } = await initTls({ folder, hosts: HOSTS, days: DAYS, renew: true });
    expect(made).toEqual(["server.crt", "client.crt"]);
    const after = await readAll(FILES);
    expect(FILES.filter((_, i) => after[i] !== before[i])).toEqual(["client.crt", "server.crt"]);
  });

  it("uses no key that others may read", async () => {
    const before = await readAll(FILES);
    await fs.chmod(join(folder, "ca.key"), 0o640);
    await expect(initTls({ folder, hosts: HOSTS, days: DAYS, renew: true })).rejects.toThrow(
      /others may read the file .*ca\.key \(owner: uid \d+, mode: 0640\)/,
    );
    await fs.chmod(join(folder, "ca.key"), 0o600);
    expect(await readAll(FILES)).toEqual(before);
  });

  it("makes no key where another user could change the folder", async () => {
    const open = join(folder, "open");
    await fs.mkdir(open);
    await fs.chmod(open, 0o777);
    for (const path of [open, join(open, "inner")]) {
      await expect(initTls({ folder: path, hosts: HOSTS, days: DAYS })).rejects.toThrow(
        `cannot create keys in ${path}`,
      );
    }
    expect(await fs.readdir(open)).toEqual([]);
  });

  it("refuses what does not fit together", async () => {
    const again = (hosts: string[], days = DAYS) => initTls({ folder, hosts, days });
    await expect(again(["example.net"])).rejects.toThrow("not valid for example.net: use --renew");
    await expect(again([])).rejects.toThrow("at least one host");
    await expect(again(["http://x"])).rejects.toThrow('"http://x" is neither');
    await expect(again(HOSTS, 0)).rejects.toThrow("days must be");
    const broken = join(folder, "broken");
    await fs.cp(others, broken, { recursive: true });
    await fs.rm(join(broken, "ca.key"));
    await expect(initTls({ folder: broken, hosts: HOSTS, days: DAYS })).rejects.toThrow(
      "not its key, ca.key",
    );
    await fs.writeFile(join(broken, "ca.key"), await read("ca.key"));
    await expect(initTls({ folder: broken, hosts: HOSTS, days: DAYS })).rejects.toThrow(
      "ca.crt and ca.key in",
    );
    await fs.writeFile(join(broken, "ca.key"), "");
    await expect(initTls({ folder: broken, hosts: HOSTS, days: DAYS })).rejects.toThrow(
      /cannot use .*ca\.key/,
    );
    expect(await read("ca.key", broken)).toBe("");
  });
});

describe("gRPC over TCP", () => {
  let lab: GrpcLab;
  const clients: BootClient[] = [];

  beforeAll(async () => {
    const [caCertificate, certificate, key] = await readAll(["ca.crt", "server.crt", "server.key"]);
    const tcp = {
      address: "127.0.0.1",
      port: 0,
      caCertificate: caCertificate!,
      certificate: certificate!,
      key: key!,
    };
    lab = await GrpcLab.start({}, { tcp });
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await lab.end();
  });

  async function connectWith(files: { ca?: string; crt?: string; key?: string; address?: string } = {}) {
    const client = connectBootService({
      address: files.address ?? `127.0.0.1:${lab.server.port}`,
      caCertificate: files.ca ?? (await read("ca.crt")),
      clientCertificate: files.crt ?? (await read("client.crt")),
      clientKey: files.key ?? (await read("client.key")),
    });
    clients.push(client);
    return client;
  }

  /** Connects with this certificate and key, and returns what the server logs about the refusal. */
  async function refusalOf(options: { key?: string; cert?: string }): Promise<string> {
    const { length } = lab.log;
    const socket = connect({
      host: "127.0.0.1",
      port: lab.server.port!,
      ca: await read("ca.crt"),
      ALPNProtocols: ["h2"],
      ...options,
    });
    let received = 0;
    socket.on("data", (data) => (received += data.length));
    socket.on("error", () => {});
    await new Promise((resolve) => socket.once("close", resolve));
    expect(received).toBe(0);
    // A client of another test may retry and be refused meanwhile.
    expect(lab.log.length).toBeGreaterThan(length);
    return lab.log.slice(length).join("\n");
  }

  it.each(["127.0.0.1", "localhost"])("works with the right certificates, at %s", async (host) => {
    const client = await connectWith({ address: `${host}:${lab.server.port}` });
    await client.uploadAsset(KERNEL_ASSET, chunks(KERNEL));
    const { entry } = await client.putEntry(spec());
    expect(entry?.phase).toBe("ARMED");
    const bytes = Buffer.alloc(2_000_000, "x");
    await client.uploadAsset(assetOf(bytes), chunks(bytes));
    const events = client.watchEvents({ entryId: "web", afterCursor: entry!.cursor });
    await client.deleteEntry("web");
    for await (const event of events) {
      expect(event.step?.kind).toBe("deleted");
      break;
    }
  });

  it("refuses a client without a certificate", async () => {
    expect(await refusalOf({})).toMatch(
      /^gRPC: refused a connection from 127\.0\.0\.1: .*did not return a certificate/,
    );
  });

  it("refuses a client of another CA, with a hint for it", async () => {
    const other = { crt: await read("client.crt", others), key: await read("client.key", others) };
    const client = await connectWith(other);
    await expect(client.listEntries()).rejects.toMatchObject({
      code: "UNAVAILABLE",
      hint: expect.stringContaining("client certificate") as unknown,
    });
    expect(await refusalOf({ cert: other.crt, key: other.key })).toMatch(/signature|issuer|self.signed/i);
  });

  it("refuses an expired client certificate", async () => {
    const key = await read("client.key");
    const issuer = { certificate: await read("ca.crt"), key: await read("ca.key") };
    const cert = clientCertificate(issuer, key, -0.01);
    expect(await refusalOf({ cert, key })).toMatch(/CERT_HAS_EXPIRED/);
    await expect(connectWith({ crt: cert })).rejects.toMatchObject({
      path: "clientCertificate",
      message: expect.stringContaining("expired on") as unknown,
    });
  });

  it("refuses the server's certificate as a client's", async () => {
    const [cert, key] = await readAll(["server.crt", "server.key"]);
    expect(await refusalOf({ cert: cert!, key: key! })).toMatch(/INVALID_PURPOSE/);
  });

  it("refuses plain text, and survives it", async () => {
    const { connect } = await import("node:net");
    const socket = connect(lab.server.port!, "127.0.0.1");
    socket.on("error", () => {});
    socket.end("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    await new Promise((resolve) => socket.once("close", resolve));
    expect((await (await connectWith()).listEntries()).entries).toEqual([]);
  });

  it("is not used by a client that does not know the server", async () => {
    const wrongCa = await connectWith({ ca: await read("ca.crt", others) });
    await expect(wrongCa.listEntries()).rejects.toMatchObject({
      code: "UNAVAILABLE",
      hint: expect.stringContaining("server's certificate") as unknown,
    });

    const [caCertificate, caKey, key] = await readAll(["ca.crt", "ca.key", "server.key"]);
    const issuer = { certificate: caCertificate!, key: caKey! };
    const certificate = serverCertificate(issuer, key!, ["boot.example.org", "10.0.0.1"], 1);
    const tcp = { address: "127.0.0.1", port: 0, caCertificate: caCertificate!, certificate, key: key! };
    const other = await lab.serve({ socket: undefined, tcp });
    for (const host of ["127.0.0.1", "localhost"]) {
      const wrongName = await connectWith({ address: `${host}:${other.port}` });
      await expect(wrongName.listEntries()).rejects.toMatchObject({
        code: "UNAVAILABLE",
        message: expect.stringMatching(/does not match certificate's altnames/) as unknown,
        hint: expect.stringContaining("the host in `address`") as unknown,
      });
    }
    await other.stop({ graceSeconds: 1 });
  });

  it("is not tried with what cannot work", async () => {
    for (const address of ["127.0.0.1", "::1:8443", "http://127.0.0.1:1", ":1"]) {
      await expect(connectWith({ address })).rejects.toMatchObject({ path: "address" });
    }
    await expect(connectWith({ ca: "nonsense" })).rejects.toMatchObject({ path: "caCertificate" });
    await expect(connectWith({ key: "nonsense" })).rejects.toMatchObject({ path: "clientKey" });
    await expect(connectWith({ key: await read("server.key") })).rejects.toThrow("does not belong");
  });
});
