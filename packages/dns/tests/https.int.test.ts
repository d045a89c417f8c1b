import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { type AddressInfo, connect } from "node:net";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { builtProvider, ProviderProcess } from "@nixops4-providers/e2e";
import { startPowerDns } from "@nixops4-providers/test-servers";
import { dnsServersAvailable, KEYS, temporaryFolder } from "./lab.ts";

const suite = dnsServersAvailable ? describe : describe.skip;

suite("PowerDNS behind HTTPS", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let powerdns: Awaited<ReturnType<typeof startPowerDns>>;
  let proxy: Server | undefined;
  let received = "";
  let connections = 0;

  beforeAll(async () => {
    folder = await temporaryFolder();
    powerdns = await startPowerDns({ folder: folder.path, keys: KEYS, zones: [{ name: "example.test" }] });
    openssl(
      "req",
      "-x509",
      ...NEW_KEY,
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
      "-days",
      "1",
      "-subj",
      "/CN=ca",
    );
  });
  afterEach(() => void proxy?.close());
  afterAll(async () => {
    await powerdns?.stop();
    await folder?.remove();
  });

  const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const openssl = (...args: string[]) =>
    execFileSync("openssl", args, { cwd: folder.path, stdio: ["ignore", "pipe", "ignore"] });

  /** Ends TLS with a certificate of the CA for a name, and notes what comes through. */
  const startProxy = async (name: string) => {
    await writeFile(join(folder.path, "names"), `subjectAltName=DNS:${name}`);
    openssl("req", ...NEW_KEY, "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=proxy");
    openssl("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
      "-days", "1", "-extfile", "names", "-out", "certificate.pem"); // prettier-ignore
    const read = (file: string) => readFileSync(join(folder.path, file));
    const { port } = new URL(powerdns.url);
    received = "";
    connections = 0;
    proxy = createServer({ key: read("key.pem"), cert: read("certificate.pem") }, (client) => {
      const server = connect(Number(port), "127.0.0.1");
      client.on("data", (bytes: Buffer) => (received += bytes.toString("latin1")));
      client.pipe(server).pipe(client);
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const)
        one.on("error", () => other.destroy());
    });
    proxy.on("connection", () => (connections += 1));
    await once(proxy.listen(0, "127.0.0.1"), "listening");
    return `https://localhost:${(proxy.address() as AddressInfo).port}`;
  };

  const apply = async (url: string, ca: string) => {
    const env = { NODE_EXTRA_CA_CERTS: join(folder.path, ca) };
    const process = new ProviderProcess(builtProvider("dns"), { onStderr: () => {}, env });
    try {
      return await process.create(
        "record_set",
        {
          server: { powerdns: { url, apiKey: { value: powerdns.apiKey } } },
          zone: "example.test",
          name: "www",
          type: "A",
          values: ["192.0.2.1"],
          verify: { authoritative: false },
        },
        true,
      );
    } finally {
      await process.close();
    }
  };

  it("is used when its certificate has the name and is of a known CA", async () => {
    const outputs = await apply(await startProxy("localhost"), "ca.pem");
    expect(outputs).toMatchObject({ fqdn: "www.example.test." });
    expect(received).toContain(powerdns.apiKey);
  });

  it.each([
    ["for another name", "other.test", "ca.pem", /localhost.*is not in the cert's altnames/is],
    ["of an unknown CA", "localhost", "none.pem", /unable to verify the first certificate/],
  ])("gets no request with a certificate %s, and is not tried again", async (_, name, ca, error) => {
    await expect(apply(await startProxy(name), ca)).rejects.toThrow(error);
    expect([received, connections]).toEqual(["", 1]);
  });
});
