import { once } from "node:events";
import { Agent } from "node:http";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { HttpLab } from "../../tests/http-lab.ts";
import { LostConnection } from "./answers.ts";
import type { HttpServerOptions } from "./server.ts";

const labs: HttpLab[] = [];
afterEach(async () => {
  for (const lab of labs.splice(0)) await lab.end();
});

async function start(options: Partial<HttpServerOptions> = {}): Promise<HttpLab> {
  const lab = await HttpLab.start(options);
  labs.push(lab);
  return lab;
}

const HEALTH = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
const METRICS = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

/** Metrics that are answered when the test says so. */
function heldMetrics() {
  let answer = () => {};
  let onAsked = () => {};
  const held = new Promise<void>((resolve) => (answer = resolve));
  const asked = new Promise<void>((resolve) => (onAsked = resolve));
  const metrics = async () => {
    onAsked();
    await held;
    return { contentType: "text/plain", text: "up 1\n" };
  };
  return { metrics, asked, answer: () => answer() };
}

describe("an answer", () => {
  it("has headers against misuse in a browser, and is logged", async () => {
    const lab = await start();
    const { status, headers, text } = await lab.get("/healthz?secret");
    expect([status, text]).toEqual([200, "ok\n"]);
    expect(headers).toMatchObject({
      "content-type": "text/plain; charset=utf-8",
      "content-security-policy": "default-src 'none'",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    });
    await lab.ended(1);
    expect(lab.accesses).toEqual([
      {
        method: "GET",
        path: "/healthz",
        status: 200,
        bytes: expect.any(Number),
        address: "127.0.0.1",
        durationMs: expect.any(Number),
        complete: true,
      },
    ]);
    expect(lab.accesses[0]!.bytes).toBeGreaterThan("ok\n".length);
  });

  it.each([
    ["GET", "/nothing", 404, '{"error":"not found"}\n'],
    ["DELETE", "/healthz", 405, '{"error":"method not allowed"}\n'],
    ["GET", "/metrics", 404, '{"error":"not found"}\n'],
    ["GET", "/status.json", 404, '{"error":"not found"}\n'],
    ["GET", "http://other/healthz", 200, "ok\n"],
    ["GET", "HTTPS://other:80/healthz?x", 200, "ok\n"],
  ])("of %s %s is %i", async (method, path, status, text) => {
    const lab = await start();
    expect(await lab.get(path, { method })).toMatchObject({ status, text });
    expect(lab.warnings).toEqual([]);
  });

  it("hides the id of a boot in the log, and a very long path", async () => {
    const lab = await start();
    await lab.get("/boots//secret/overlay.cpio");
    await lab.get(`/${"x".repeat(300)}`);
    await lab.ended(2);
    expect(lab.accesses.map(({ path }) => path)).toEqual(["/boots//…/overlay.cpio", `/${"x".repeat(199)}`]);
  });

  it("says that nothing can be stored", async () => {
    const lab = await start();
    Object.defineProperty(lab.core, "problem", { value: "ENOSPC" });
    expect(await lab.get("/healthz")).toMatchObject({ status: 503, text: '{"error":"ENOSPC"}\n' });
  });
});

describe("an error inside", () => {
  it("is told to the operator, and not to the client", async () => {
    const lab = await start({ metrics: async () => Promise.reject(new Error("/secret/path")) });
    expect(await lab.get("/metrics?x")).toMatchObject({ status: 500, text: '{"error":"internal error"}\n' });
    expect(lab.warnings).toEqual(["GET /metrics: Error: /secret/path"]);
  });

  it("is told to nobody when the client has gone", async () => {
    const statusPage: HttpServerOptions["statusPage"] = async (req) => {
      socket.destroy();
      await once(req.socket, "close");
      throw new Error("too late");
    };
    const lab = await start({ statusPage });
    const socket = await lab.connect("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await lab.ended(1);
    expect(lab.accesses).toMatchObject([{ status: 0, bytes: 0, complete: false }]);
    expect(lab.warnings).toEqual([]);
  });

  it("by a lost connection is told to nobody", async () => {
    const lab = await start({ metrics: async () => Promise.reject(new LostConnection()) });
    expect(await lab.get("/metrics")).toMatchObject({ status: 500 });
    expect(lab.warnings).toEqual([]);
  });

  it("after the headers cuts the answer off", async () => {
    const statusPage: HttpServerOptions["statusPage"] = async (_req, res) => {
      res.writeHead(200, { "content-length": 10 });
      await new Promise<void>((resolve) => res.write("half", () => resolve()));
      throw new Error("EIO");
    };
    const lab = await start({ statusPage });
    await expect(lab.get("/")).rejects.toThrow("aborted");
    await lab.ended(1);
    expect(lab.accesses).toMatchObject([{ path: "/", status: 200, complete: false }]);
    expect(lab.warnings).toEqual(["GET /: Error: EIO"]);
  });
});

describe("connections", () => {
  it("are kept for the next request", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    const statusPage: HttpServerOptions["statusPage"] = async (req, res) => {
      ports.add(req.socket.remotePort);
      res.end();
      return true;
    };
    const lab = await start({ statusPage });
    for (let i = 0; i < 3; i++) expect((await lab.get("/", { agent })).status).toBe(200);
    expect(ports.size).toBe(1);
    agent.destroy();
  });

  it("with a second request before the answer to the first are closed", async () => {
    const { metrics, answer } = heldMetrics();
    const lab = await start({ metrics });
    const socket = await lab.connect(METRICS + HEALTH);
    expect(Buffer.concat(await socket.toArray()).toString()).toBe("");
    answer();
  });

  it("of one address are limited, and each one that closes makes room for one", async () => {
    const lab = await start({ limits: { maxConnectionsPerAddress: 2 } });
    /** Returns whether the connection is served. */
    const open = async () => {
      const socket = await lab.connect(HEALTH);
      const first = await Promise.race([
        once(socket, "data").then(() => true),
        once(socket, "close").then(() => false),
      ]);
      return { socket, isServed: first };
    };
    const [first, second] = [await open(), await open()];
    expect([first.isServed, second.isServed]).toEqual([true, true]);
    expect((await open()).isServed).toBe(false);
    first.socket.destroy();
    let third = await open();
    // The server must notice first that the connection is closed.
    while (!third.isServed) third = await open();
    expect((await open()).isServed).toBe(false);
    second.socket.destroy();
    third.socket.destroy();
  });
});

describe("the URL in scripts", () => {
  it.each([
    ["the local address", undefined, (port: number) => `http://127.0.0.1:${port}`],
    ["the public URL", "https://boot.example.org/pxe/", () => "https://boot.example.org/pxe"],
  ])("begins with %s, whatever the Host header is", async (_what, publicUrl, expected) => {
    const lab = await start({ publicUrl });
    const { text } = await lab.get("/boot.ipxe", { headers: { host: "evil" } });
    expect(text).toContain(` ${expected(lab.server.port)}/machines/\${netX/mac:hexhyp}/boot.ipxe?`);
  });
});

describe("listening", () => {
  it("is possible on a server that listens already", async () => {
    const bound = createServer().listen(0, "127.0.0.1");
    await once(bound, "listening");
    const lab = await start({ listen: { server: bound } });
    expect(await lab.get("/healthz")).toMatchObject({ status: 200 });
  });

  it("fails when the address is in use", async () => {
    const { port } = (await start()).server;
    await expect(HttpLab.start({ listen: { address: "127.0.0.1", port } })).rejects.toThrow("EADDRINUSE");
  });
});

describe("stopping", () => {
  it("lets a request finish, closes its connection, and refuses one that was begun", async () => {
    const { metrics, asked, answer } = heldMetrics();
    const lab = await start({ metrics });
    const begun = await lab.connect(HEALTH.slice(0, -2));
    const running = await lab.connect(METRICS);
    await asked;
    const stopped = lab.server.stop({ graceSeconds: 60 });
    begun.write("\r\n");
    const refusal = Buffer.concat(await begun.toArray()).toString();
    expect(refusal).toMatch(/^HTTP\/1.1 503 /);
    expect(refusal).toMatch(/\r\nConnection: close\r\n/i);
    expect(refusal).toMatch(/\r\nRetry-After: 5\r\n/i);
    expect(refusal).toMatch(/\r\n\r\n{"error":"the server is stopping"}\n$/);
    answer();
    expect(Buffer.concat(await running.toArray()).toString()).toMatch(/\r\n\r\nup 1\n$/);
    await stopped;
  });

  it("cuts off what takes longer than the grace period, and may be asked for twice", async () => {
    const { metrics, asked, answer } = heldMetrics();
    const lab = await start({ metrics });
    const running = await lab.connect(METRICS);
    await asked;
    await Promise.all([lab.server.stop({ graceSeconds: 0 }), lab.server.stop({ graceSeconds: 60 })]);
    expect(Buffer.concat(await running.toArray()).toString()).toBe("");
    answer();
  });
});
