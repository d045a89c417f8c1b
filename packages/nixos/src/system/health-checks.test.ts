import { createServer, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { afterEach, describe, expect, it } from "@jest/globals";
import { type Context, describeError } from "@nixops4-providers/provider-sdk";
import type { SshConnection } from "@nixops4-providers/ssh-client";
import { requireHealthy } from "./health-checks.ts";
import type { HealthCheck } from "./schema.ts";

// These checks come from the deploying machine: nothing is run on the host.
const ssh = {} as SshConnection;
const connection = { host: "127.0.0.1" } as never;

describe("the health checks", () => {
  const servers: (Server | ReturnType<typeof createTcpServer>)[] = [];
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  });

  /** Returns the port of an HTTP server that gives one status after another, the last one again and again. */
  async function serve(statuses: readonly number[], host = "127.0.0.1"): Promise<number> {
    const left = [...statuses];
    const server = createServer((_, response) => {
      response.statusCode = left.length > 1 ? left.shift()! : left[0]!;
      response.setHeader("connection", "close").end();
    });
    return listen(server, host);
  }

  async function listen(server: Server | ReturnType<typeof createTcpServer>, host: string): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  async function closedPort(): Promise<number> {
    const server = createTcpServer();
    const port = await listen(server, "127.0.0.1");
    await new Promise((resolve) => servers.pop()!.close(resolve));
    return port;
  }

  async function failure(
    check: Omit<HealthCheck, "timeoutSeconds"> & { timeoutSeconds?: number },
    { seconds = 0, signal = new AbortController().signal } = {},
  ): Promise<string> {
    const healthChecks = [{ timeoutSeconds: 10, ...check }];
    const deadline = performance.now() + seconds * 1000;
    return requireHealthy(ssh, { connection, healthChecks, sudo: false }, deadline, {
      signal,
    } as Context).then(
      () => "",
      (error: unknown) => describeError(error),
    );
  }

  const http = (port: number, status = 200, host = "127.0.0.1") => ({
    http: { url: `http://${host}:${port}/health`, status },
  });

  it("accept the wanted status", async () => {
    expect(await failure(http(await serve([204]), 204))).toBe("");
  });

  it("refuse another status", async () => {
    const port = await serve([302]);
    expect(await failure(http(port))).toBe(
      `the health check HTTP http://127.0.0.1:${port}/health failed: the response has status 302 instead of 200`,
    );
  });

  it("reach an IPv6 address in a URL", async () => {
    expect(await failure(http(await serve([200], "::1"), 200, "[::1]"))).toBe("");
  });

  it("try again until the deadline", async () => {
    expect(await failure(http(await serve([503, 200])), { seconds: 5 })).toBe("");
  });

  it("report a server that accepts and does not answer", async () => {
    const port = await listen(
      createTcpServer((socket) => void socket.on("data", () => {}).on("error", () => {})),
      "127.0.0.1",
    );
    expect(await failure(http(port), { seconds: 0.4 })).toMatch(/ failed: no answer within 0\.[1-3] s$/);
  });

  it("use the time limit of the check when the deadline is later", async () => {
    const port = await listen(
      createTcpServer((socket) => void socket.on("data", () => {}).on("error", () => {})),
      "127.0.0.1",
    );
    const controller = new AbortController();
    const result = failure(
      { ...http(port), timeoutSeconds: 0.2 },
      { seconds: 0.5, signal: controller.signal },
    );
    expect(await result).toMatch(/no answer within 0\.[12] s$/);
  });

  it("report a server without TLS behind https", async () => {
    const port = await serve([200]);
    expect(await failure({ http: { url: `https://127.0.0.1:${port}/`, status: 200 } })).toContain(
      `the health check HTTP https://127.0.0.1:${port}/ failed: `,
    );
  });

  it.each([
    ["http", 80],
    ["https", 443],
  ])("use the standard port of %s", async (protocol, port) => {
    // An address of the loopback network on which nothing listens.
    expect(await failure({ http: { url: `${protocol}://127.254.253.252/`, status: 200 } })).toContain(
      `:${port}`,
    );
  });

  it("connect to a port of the host", async () => {
    expect(await failure({ tcp: { port: await serve([200]) } })).toBe("");
  });

  it.each([
    [undefined, "127.0.0.1"],
    ["127.0.0.2", "127.0.0.2"],
  ])("name the host %s of a port that does not accept", async (host, named) => {
    const port = await closedPort();
    expect(await failure({ tcp: { port, ...(host !== undefined && { host }) } })).toContain(
      `the health check TCP ${named}:${port} failed: `,
    );
  });

  it("end when they are interrupted", async () => {
    const controller = new AbortController();
    const result = failure({ tcp: { port: await closedPort() } }, { seconds: 60, signal: controller.signal });
    controller.abort(new Error("interrupted by SIGINT"));
    expect(await result).toBe("interrupted by SIGINT");
  });
});
