import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type Context, describeError } from "@nixops4-providers/provider-sdk";
import { checkServer, openBootService, type Server, untilReached } from "./server.ts";

const violations = (server: object) =>
  checkServer(server as Server).map(({ path, message }) => `${path}: ${message}`);
const TLS = { caCertificateFile: "/ca", clientCertificateFile: "/crt", clientKey: { file: "/key" } };

describe("the server", () => {
  it.each([
    ["the default socket", {}, []],
    ["a socket", { socket: "/run/api.sock" }, []],
    ["an address with all files", { address: "landscaper.example.org:8443", ...TLS }, []],
    ["an IPv6 address", { address: "[2001:db8::1]:8443", ...TLS }, []],
    [
      "a socket and an address",
      { socket: "/run/api.sock", address: "a:1", ...TLS },
      ["server.socket: must not be set together with address"],
    ],
    [
      "an address without files",
      { address: "a:1" },
      [
        "server.caCertificateFile: is required with address",
        "server.clientCertificateFile: is required with address",
        "server.clientKey: is required with address",
      ],
    ],
    [
      "files without an address",
      TLS,
      [
        "server.caCertificateFile: is given without address",
        "server.clientCertificateFile: is given without address",
        "server.clientKey: is given without address",
      ],
    ],
    [
      "a file without an address, with a socket",
      { socket: "/run/api.sock", clientKey: { file: "/key" } },
      ["server.clientKey: is given without address"],
    ],
  ])("given by %s", (_, server, wanted) => {
    expect(violations(server)).toEqual(wanted);
  });

  it.each(["a", "a:", ":1", "2001:db8::1:8443", "https://a:1", "a:123456", "a b:1"])(
    "has no address %s",
    (address) => {
      expect(violations({ address, ...TLS })).toEqual([
        "server.address: must be a name or an IP address (IPv6 in brackets), a colon and a port",
      ]);
    },
  );
});

describe("a call", () => {
  const passing = Object.assign(new Error("cannot connect to the boot service: no"), { isPassing: true });
  const run = async (connectTimeoutSeconds: number, errors: Error[]) => {
    const warnings: string[] = [];
    const log = { warn: (line: string) => void warnings.push(line) };
    const context = { signal: new AbortController().signal, log } as unknown as Context;
    let calls = 0;
    const result = await untilReached({ connectTimeoutSeconds }, context, async () => {
      const error = errors[calls++];
      if (error !== undefined) throw error;
      return "done";
    }).catch((error: unknown) => error);
    return { result, calls, warnings };
  };

  it.each([
    ["is made once", 15, [], { result: "done", calls: 1, warnings: [] }],
    [
      "is made again while the service cannot be reached, with one warning",
      15,
      [passing, passing],
      {
        result: "done",
        calls: 3,
        warnings: ["cannot connect to the boot service: no; trying again for 15 s"],
      },
    ],
    ["is made once without time for more", 0, [passing], { result: passing, calls: 1, warnings: [] }],
  ])("%s", async (_, seconds, errors, wanted) => {
    expect(await run(seconds, errors)).toEqual(wanted);
  });

  it.each([new Error("no"), Object.assign(new Error("no"), { isPassing: false })])(
    "is not made again after another error",
    async (error) => {
      expect(await run(15, [error])).toEqual({ result: error, calls: 1, warnings: [] });
    },
  );
});

describe("a client", () => {
  let folder: string;
  beforeEach(async () => (folder = await fs.mkdtemp(join(tmpdir(), "server-"))));
  afterEach(() => fs.rm(folder, { recursive: true }));
  const context = { key: async () => "no key" } as unknown as Context;
  const open = async (server: object) =>
    openBootService(server as Server, context).then((client) => (client.close(), "opened"), describeError);

  it("of a socket needs no files, and connects later", async () => {
    expect(await open({ socket: "/none" })).toBe("opened");
    expect(await open({})).toBe("opened");
  });

  it("of an address needs its certificates", async () => {
    const caCertificateFile = join(folder, "ca");
    const clientCertificateFile = join(folder, "crt");
    const server = {
      address: "localhost:1",
      ...TLS,
      caCertificateFile,
      clientCertificateFile,
      clientKey: { value: "x" },
    };
    expect(await open(server)).toMatch(
      `server.caCertificateFile: cannot read the file ${caCertificateFile}: `,
    );
    await fs.writeFile(caCertificateFile, "no certificate");
    expect(await open(server)).toMatch(
      `server.clientCertificateFile: cannot read the file ${clientCertificateFile}: `,
    );
    await fs.writeFile(clientCertificateFile, "no certificate");
    expect(await open(server)).toMatch(/^cannot connect to the boot service localhost:1: /);
  });
});
