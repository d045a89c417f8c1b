// The client against an HTTPS server in this process, which records requests and sends prepared answers.
import { randomBytes, createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Context } from "@nixops4-providers/provider-sdk";
import type { ApiAccess } from "../src/api-access.ts";
import { PveClient } from "../src/client/client.ts";
import { ConnectError, LostAnswerError, PveError } from "../src/client/errors.ts";
import { upload } from "../src/client/upload.ts";
import { makeCertificate } from "./fake-pve/certificate.ts";
import { FakePve } from "./fake-pve/fake-pve.ts";

const MAX_BYTES = 32 * 1024 * 1024;
const { key, certificate, fingerprint } = makeCertificate();
const asked: { method: string; url: string; headers: IncomingMessage["headers"]; body: string }[] = [];
let answer: { status: number; reason: string; body: string | Buffer };
let connections: number;
const clients: PveClient[] = [];

const server = createServer({ key, cert: certificate }, (request, response) => void serve(request, response));

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "", url = "", headers } = request;
  asked.push({ method, url, headers, body: await text(request) });
  response.writeHead(answer.status, answer.reason).end(answer.body);
}

server.on("secureConnection", () => connections++);

beforeEach(async () => {
  answer = { status: 200, reason: "OK", body: '{"data":1}' };
  connections = 0;
  asked.length = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const context = {
  signal: new AbortController().signal,
  log: { debug: () => {} },
} as unknown as Context;

function connect(more: Partial<ApiAccess> = {}): PveClient {
  const { port } = server.address() as AddressInfo;
  const access = {
    endpoint: `https://127.0.0.1:${port}`,
    tokenId: "a@pve!b",
    tlsFingerprint: fingerprint,
    timeoutSeconds: 30,
    retrySeconds: 0,
    ...more,
  } as ApiAccess;
  const client = new PveClient(access, "secret", context);
  clients.push(client);
  return client;
}

const errorOf = async (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error as Error,
  );

describe("a request", () => {
  const params = { a: "x;y&z", on: true, off: false, none: undefined, n: 1.5 };
  const encoded = "a=x%3By%26z&on=1&off=0&n=1.5";

  it.each(["GET", "DELETE"])("has its parameters in the path with %s", async (method) => {
    await connect().request(method, "/x", params);
    expect(asked).toMatchObject([{ method, url: `/api2/json/x?${encoded}`, body: "" }]);
    expect(asked[0]!.headers["authorization"]).toBe("PVEAPIToken=a@pve!b=secret");
  });

  it.each(["POST", "PUT"])("has its parameters and their length in the body with %s", async (method) => {
    await connect().request(method, "/x", params);
    expect(asked).toMatchObject([{ method, url: "/api2/json/x", body: encoded }]);
    expect(asked[0]!.headers).toMatchObject({
      "content-length": String(encoded.length),
      "content-type": "application/x-www-form-urlencoded",
    });
  });

  it("has no query without parameters", async () => {
    await connect().get("/x");
    await connect().request("POST", "/x");
    expect(asked.map(({ url, headers }) => [url, headers["content-length"]])).toEqual([
      ["/api2/json/x", undefined],
      ["/api2/json/x", "0"],
    ]);
  });

  it("uses a connection again", async () => {
    const client = connect();
    await client.get("/x");
    await client.get("/x");
    expect(connections).toBe(1);
  });
});

describe("an answer", () => {
  it.each([
    ['{"data":{"a":1}}', { a: 1 }],
    ['{"data":0}', 0],
    ["{}", null],
  ])("%s has the data %j", async (body, data) => {
    answer.body = body;
    expect(await connect().get("/x")).toEqual(data);
  });

  it.each(["", "<html>", "5", "null"])("%j is none: it is not JSON as it should be", async (body) => {
    answer.body = body;
    const error = await errorOf(connect().get("/x"));
    expect(error).toBeInstanceOf(LostAnswerError);
    expect(error?.cause).toMatchObject({ message: "GET /x: the answer is not JSON" });
  });

  it("with an error status is a PveError, with any body", async () => {
    answer = { status: 400, reason: "Parameter verification failed.", body: '{"errors":{"a":"bad"}}' };
    const error = await errorOf(connect().get("/x"));
    expect(error).toBeInstanceOf(PveError);
    expect(error?.message).toBe("GET /x: 400 Parameter verification failed.; a: bad");
    answer = { status: 500, reason: "no", body: "" };
    expect(await errorOf(connect().get("/x"))).toBeInstanceOf(PveError);
  });

  it.each([596, 597, 599])(
    "with the status %d does not say whether the request was carried out",
    async (status) => {
      answer = { status, reason: "Connection timed out", body: "{}" };
      const error = await errorOf(connect().request("POST", "/x"));
      expect(error).toBeInstanceOf(LostAnswerError);
      expect(error?.cause).toBeInstanceOf(PveError);
    },
  );

  it("has 32 MiB at most", async () => {
    const body = Buffer.alloc(MAX_BYTES, " ");
    body.write('{"data":1}');
    answer.body = body;
    expect(await connect().get("/x")).toBe(1);
    answer.body = Buffer.concat([body, Buffer.from(" ")]);
    const error = await errorOf(connect().get("/x"));
    expect(error?.cause).toMatchObject({ message: `the answer has more than ${MAX_BYTES} bytes` });
  });
});

describe("a connection", () => {
  it("that is refused is a ConnectError", async () => {
    const error = await errorOf(connect({ endpoint: "https://127.0.0.1:1" }).request("POST", "/x"));
    expect(error).toBeInstanceOf(ConnectError);
  });

  it.each([
    ["by its fingerprint in any case", { tlsFingerprint: fingerprint.toLowerCase() }, true],
    ["by no other fingerprint", { tlsFingerprint: Array(32).fill("00").join(":") }, false],
    ["by its CA", { tlsFingerprint: undefined, caCertificate: certificate }, true],
    ["by no CA that Node trusts", { tlsFingerprint: undefined }, false],
    ["where any is trusted", { tlsFingerprint: undefined, insecure: true }, true],
  ])("is trusted %s", async (_, more, isTrusted) => {
    const error = await errorOf(connect(more as Partial<ApiAccess>).get("/x"));
    if (isTrusted) expect(error).toBeUndefined();
    else expect(error).toBeInstanceOf(ConnectError);
    expect(asked).toHaveLength(isTrusted ? 1 : 0);
  });

  it("is not waited for after an interrupt", async () => {
    const client = connect();
    const interrupted = { ...context, signal: AbortSignal.abort(new Error("interrupted")) };
    Object.assign(client, { context: interrupted });
    expect((await errorOf(client.get("/x")))?.message).toBe("interrupted");
    expect(asked).toEqual([]);
  });
});

it.each([0, 1, 65_536, 300_001])("a file of %d bytes arrives whole", async (length) => {
  const fake = await FakePve.start();
  const folder = mkdtempSync(join(tmpdir(), "upload-"));
  try {
    const data = randomBytes(length);
    const path = join(folder, "file");
    writeFileSync(path, data);
    const { tokenSecret, ...access } = fake.connection;
    const client = new PveClient(
      { ...access, timeoutSeconds: 30, retrySeconds: 0 } as ApiAccess,
      tokenSecret.value,
      context,
    );
    clients.push(client);
    const checksum = createHash("sha256").update(data).digest("hex");
    await upload(client, {
      path: "/nodes/pve/storage/files/upload",
      fields: { content: "import", "checksum-algorithm": "sha256", checksum },
      file: { path, name: "a.qcow2", bytes: length },
    });
    await fake.cluster.tasks.settled();
    expect(fake.cluster.volumes.get("files:import/a.qcow2")).toMatchObject({
      bytes: length,
      sha256: checksum,
    });
  } finally {
    rmSync(folder, { recursive: true });
    await fake.close();
  }
});
