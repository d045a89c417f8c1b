import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { withApi } from "../../tests/scripted-api.ts";
import { TEST_KEY, testContext } from "../../tests/test-context.ts";
import { withPrimary } from "../../tests/dns-primary.ts";
import * as capabilities from "../backends/capabilities.ts";
import { findZone, openBackend } from "./open-server.ts";
import { capabilitiesOf, checkServer, type Server } from "./server.ts";

const token = { value: "x" };
const ZONE = "example.test.";
const { context } = testContext();

function rfc2136(more: object = {}): Server {
  const address = "127.0.0.1";
  return {
    rfc2136: { address, transport: "tcp", tls: {}, transfer: true, timeoutSeconds: 5, ...more },
  };
}

/** A server with an API, below this URL. */
const api = (kind: string, url = "http://127.0.0.1:1", more: object = {}) =>
  ({ [kind]: { url, token, apiKey: token, serverId: "localhost", timeoutSeconds: 5, ...more } }) as Server;

describe("a kind of server", () => {
  it.each<[string, Server, object]>([
    ["rfc2136", rfc2136(), capabilities.RFC2136_CAPABILITIES],
    ["powerdns", api("powerdns"), capabilities.POWERDNS_CAPABILITIES],
    ["hetzner", api("hetzner"), capabilities.HETZNER_CAPABILITIES],
    ["desec", api("desec"), capabilities.DESEC_CAPABILITIES],
    ["gandi", api("gandi"), capabilities.GANDI_CAPABILITIES],
    ["cloudflare", api("cloudflare"), capabilities.CLOUDFLARE_CAPABILITIES],
    [
      "cloudflare, proxied",
      api("cloudflare", undefined, { proxied: true }),
      capabilities.CLOUDFLARE_PROXIED_CAPABILITIES,
    ],
  ])("has the capabilities of its backend: %s", async (_, server, expected) => {
    expect(capabilitiesOf(server)).toBe(expected);
    const backend = await openBackend(server, ZONE, context);
    expect([backend.zone, backend.capabilities]).toEqual([ZONE, expected]);
    await backend.close();
  });

  it.each<[string, string, unknown, string, string]>([
    ["powerdns", "/api/v1/servers/localhost/zones", [{ name: ZONE }], "x-api-key", TEST_KEY],
    [
      "hetzner",
      "/zones?per_page=50&page=1",
      { zones: [{ name: "example.test" }] },
      "authorization",
      `Bearer ${TEST_KEY}`,
    ],
    [
      "desec",
      "/domains/?owns_qname=www.example.test&cursor=",
      [{ name: "example.test" }],
      "authorization",
      `Token ${TEST_KEY}`,
    ],
    [
      "cloudflare",
      "/zones?per_page=50&page=1",
      { result: [{ name: "example.test" }] },
      "authorization",
      `Bearer ${TEST_KEY}`,
    ],
    [
      "gandi",
      "/livedns/domains?per_page=100&page=1",
      [{ fqdn: "example.test" }],
      "authorization",
      `Bearer ${TEST_KEY}`,
    ],
  ])("is asked with its credential: %s", async (kind, path, body, header, credential) => {
    await withApi(
      () => ({ body }),
      async (_, asked, baseUrl) => {
        expect(await findZone(api(kind, `${baseUrl}/`), `www.${ZONE}`, context)).toBe(ZONE);
        expect(asked.map((one) => [one.path, one.headers[header]])).toEqual([[path, credential]]);
      },
    );
  });

  it("is needed", async () => {
    await expect(openBackend({}, ZONE, context)).rejects.toThrow("no server is given");
  });
});

describe("an RFC 2136 server", () => {
  let folder: string;
  beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), "dns-server-"))));
  afterAll(() => rm(folder, { recursive: true }));

  const soa = `${ZONE} 3600 SOA ns1.${ZONE} hostmaster.${ZONE} 1 3600 600 86400 300`;
  const find = (said: object, more: object = {}) =>
    withPrimary(
      () => ({ ...said }),
      (_client, _asked, port) => findZone(rfc2136({ port, ...more }), `www.${ZONE}`, context),
    );

  it("is asked at its address and port", async () => {
    expect(await find({ answer: [soa] })).toBe(ZONE);
    expect(await find({ answer: [soa] }, { address: "[::ffff:127.0.0.1]" })).toBe(ZONE);
  });

  it("has to sign its answers when there is a key", async () => {
    const tsig = { name: "key", algorithm: "hmac-sha256", secret: token };
    await expect(find({ answer: [soa] }, { tsig })).rejects.toThrow("the answer is not signed");
  });

  it("needs a file that can be read as its CA", async () => {
    const missing = join(folder, "missing.pem");
    await expect(
      openBackend(rfc2136({ tls: { caCertificateFile: missing } }), ZONE, context),
    ).rejects.toMatchObject({
      message: `cannot read the file ${missing}`,
      path: "server.rfc2136.tls.caCertificateFile",
    });
    const file = join(folder, "ca.pem");
    await writeFile(file, "x");
    const backend = await openBackend(rfc2136({ tls: { caCertificateFile: file } }), ZONE, context);
    await backend.close();
  });
});

describe("the check of a server", () => {
  const marker = { enable: true, owner: "ours" };
  const both = ["compare-and-set", "one-step"] as const;
  const missing = (guarantee: string, index: number) => ({
    path: `require[${index}]`,
    message: `this kind of server does not guarantee ${guarantee}`,
  });
  const hetznerOwner = capabilities.HETZNER_CAPABILITIES.owner!.rule;

  it.each<[string, Parameters<typeof checkServer>[0], unknown[]]>([
    ["nothing", { server: rfc2136(), require: [], marker }, []],
    ["both guarantees", { server: rfc2136(), require: both, marker }, []],
    [
      "one of two guarantees",
      { server: api("powerdns"), require: both, marker },
      [missing("compare-and-set", 0)],
    ],
    [
      "none of two guarantees",
      { server: api("gandi"), require: both, marker },
      [missing("compare-and-set", 0), missing("one-step", 1)],
    ],
    [
      "an address with a port",
      { server: rfc2136({ address: "ns1.test:53" }), require: [], marker },
      [{ path: "server.rfc2136.address", message: expect.any(String) }],
    ],
    ["TLS", { server: rfc2136({ transport: "tls", tls: { pin: "x" } }), require: [], marker }, []],
    ["no trust with TLS", { server: rfc2136({ transport: "tls" }), require: [], marker }, []],
    [
      "a pin without TLS",
      { server: rfc2136({ tls: { pin: "x" } }), require: [], marker },
      [{ path: "server.rfc2136.tls", message: "is given with transport tcp" }],
    ],
    [
      "a pin and a CA",
      {
        server: rfc2136({ transport: "tls", tls: { pin: "x", caCertificateFile: "y" } }),
        require: [],
        marker,
      },
      [{ path: "server.rfc2136.tls.pin", message: "must not be set together with caCertificateFile" }],
    ],
    [
      "a CA",
      { server: rfc2136({ transport: "tls", tls: { caCertificateFile: "y" } }), require: [], marker },
      [],
    ],
    ["an owner", { server: api("hetzner"), require: [], marker: { enable: true, owner: "a-b" } }, []],
    [
      "an owner that the server does not take",
      { server: api("hetzner"), require: [], marker: { enable: true, owner: "a/b" } },
      [{ path: "marker.owner", message: hetznerOwner }],
    ],
    [
      "such an owner without markers",
      { server: api("hetzner"), require: [], marker: { enable: false, owner: "a/b" } },
      [],
    ],
  ])("with %s", (_, inputs, violations) => {
    expect(checkServer(inputs)).toEqual(violations);
  });
});
