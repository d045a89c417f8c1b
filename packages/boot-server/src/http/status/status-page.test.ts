import { once } from "node:events";
import { createServer, request, type ClientRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { declared } from "../../../tests/machine-status.ts";
import type { MachineStatus, ServiceStatus } from "../../core/api.ts";
import { statusPage, type StatusPage } from "./status-page.ts";

let machines: MachineStatus[];
/** The callbacks of the pages. */
let listeners: Set<() => void>;
let server: Server;
let page: StatusPage;
let port: number;
const requests: ClientRequest[] = [];

async function start(options?: { heartbeatMs: number }): Promise<void> {
  const status = (): ServiceStatus => ({ at: 5, startedAt: 0, cursor: 0, problem: undefined, machines });
  const onStatus = (callback: () => void) => {
    listeners.add(callback);
    return () => listeners.delete(callback);
  };
  page = statusPage({ status, onStatus }, options);
  server = createServer((req, res) => void page(req, res).then((done) => done || res.writeHead(404).end()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  ({ port } = server.address() as AddressInfo);
}

beforeEach(() => {
  machines = [declared("web", "armed")];
  listeners = new Set();
});
afterEach(async () => {
  for (const each of requests.splice(0)) each.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function ask(path: string, method = "GET", headers: Record<string, string> = {}) {
  const req = request({ host: "127.0.0.1", port, path, method, headers, agent: false }).end();
  requests.push(req);
  const [res] = (await once(req, "response")) as [IncomingMessage];
  return res;
}

async function get(path: string, method = "GET") {
  const res = await ask(path, method);
  const body = Buffer.concat(await res.toArray()).toString();
  return { status: res.statusCode, headers: res.headers, body };
}

/** An open page that receives events. */
async function open(path = "/status/events", headers: Record<string, string> = {}) {
  const res = await ask(path, "GET", headers);
  let text = "";
  res.on("data", (chunk: Buffer) => (text += chunk.toString())).on("error", () => {});
  const until = async (part: string) => {
    while (!text.includes(part)) await once(res, "data");
    const seen = text;
    text = "";
    return seen;
  };
  return { res, until, close: () => res.destroy() };
}

describe("the page", () => {
  it.each([
    ["the page", "/?x", "text/html; charset=utf-8", /^<!doctype html>/],
    ["JSON", "/status.json", "application/json", /^\{"at":5,"startedAt":0,/],
  ])("is %s", async (_what, path, type, pattern) => {
    await start();
    const answer = await get(path);
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, type]);
    expect(answer.headers).toMatchObject({ "cache-control": "no-store", "referrer-policy": "no-referrer" });
    expect(answer.body).toMatch(pattern);
    const head = await get(path, "HEAD");
    expect([head.status, head.body]).toEqual([200, ""]);
    expect(Number(head.headers["content-length"])).toBe(Buffer.byteLength(answer.body));
  });

  it("says how to begin only while there is no machine", async () => {
    await start();
    expect((await get("/")).body).toMatch(/<section id="empty" hidden>/);
    machines = [];
    expect((await get("/")).body).toMatch(/<section id="empty" >/);
  });

  it.each(["/status", "/status.json/", "//", "/status/events/x"])("does not answer %j", async (path) => {
    await start();
    expect(await get(path)).toMatchObject({ status: 404, body: "" });
  });

  it.each(["/", "/status.json", "/status/events"])("of %s is only read", async (path) => {
    await start();
    expect(await get(path, "POST")).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  });
});

describe("the events", () => {
  it("begin with all cards for a new page, and go on with those that change", async () => {
    await start();
    const events = await open();
    expect(events.res.headers["content-type"]).toBe("text/event-stream");
    expect(await events.until("\n\n")).toMatch(
      /^id: \S+\nevent: change\ndata: \{"at":5,.*"cards":\{"entry web":/,
    );
    machines = [...machines, declared("db", "armed")];
    for (const changed of listeners) changed();
    expect(await events.until("\n\n")).toMatch(/"order":\["entry db","entry web"\],"cards":\{"entry db":/);
  });

  it.each([
    ["in the query", (revision: string) => [`/status/events?after=${revision}`, {}] as const],
    [
      "in the header",
      (revision: string) => ["/status/events?after=x", { "last-event-id": revision }] as const,
    ],
  ])("are only a sign of life for a page with the revision %s", async (_where, place) => {
    await start();
    const first = await open();
    const [, revision] = /^id: (\S+)$/m.exec(await first.until("\n\n"))!;
    const [path, headers] = place(revision!);
    const second = await open(path, headers);
    expect(await second.until("\n\n")).toBe('event: alive\ndata: {"at":5}\n\n');
  });

  it("are not sent for a request for the headers", async () => {
    await start();
    expect(await get("/status/events", "HEAD")).toMatchObject({ status: 200, body: "" });
    expect(listeners.size).toBe(0);
  });

  it("have a sign of life at each heartbeat, also without changes", async () => {
    await start({ heartbeatMs: 1 });
    const events = await open();
    await events.until("event: change");
    for (let i = 0; i < 3; i++) await events.until('event: alive\ndata: {"at":5}\n\n');
    machines = [declared("web", "failed")];
    await events.until('"cards":{"entry web":');
  });

  it("are listened to once, while a page is open", async () => {
    await start();
    const [first, second] = [await open(), await open()];
    await Promise.all([first.until("\n\n"), second.until("\n\n")]);
    expect(listeners.size).toBe(1);
    first.close();
    for (const changed of listeners) changed();
    machines = [declared("web", "failed")];
    expect(await second.until("\n\n")).toContain("event: change");
    second.close();
    while (listeners.size > 0) await new Promise(setImmediate);
    const third = await open();
    await third.until("\n\n");
    expect(listeners.size).toBe(1);
  });

  it("are sent to 64 pages, and to another one when one is closed", async () => {
    await start();
    const pages = await Promise.all(Array.from({ length: 64 }, async () => open()));
    expect(await get("/status/events")).toMatchObject({
      status: 503,
      body: "Too many status pages are open.\n",
      headers: { "retry-after": "10" },
    });
    pages[0]!.close();
    let status: number | undefined = 503;
    while (status === 503) ({ statusCode: status } = (await open()).res);
    expect((await get("/status/events")).status).toBe(503);
  });

  it("end when the status is closed", async () => {
    await start();
    const events = await open();
    await events.until("\n\n");
    page.close();
    await once(events.res, "end");
    expect(listeners.size).toBe(0);
  });
});
