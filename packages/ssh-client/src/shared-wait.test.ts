import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Endpoint } from "./endpoint.ts";
import { SharedWait } from "./shared-wait.ts";

// Each wait opens the file by itself, so that two in one process exclude each other as two processes do.
describe("waits for the same host", () => {
  let runtime: string;
  let before: string | undefined;
  const waits: SharedWait[] = [];
  const { signal } = new AbortController();

  beforeEach(async () => {
    before = process.env["XDG_RUNTIME_DIR"];
    runtime = await mkdtemp(join(tmpdir(), "shared-wait-"));
    process.env["XDG_RUNTIME_DIR"] = runtime;
  });
  afterEach(async () => {
    for (const wait of waits.splice(0)) await wait.end();
    if (before === undefined) delete process.env["XDG_RUNTIME_DIR"];
    else process.env["XDG_RUNTIME_DIR"] = before;
    await rm(runtime, { recursive: true });
  });

  const endpoint = (label: string) =>
    ({ label, user: "bob", pins: [], login: { keys: [] } }) as unknown as Endpoint;
  async function start(label = "web1:22"): Promise<SharedWait> {
    const wait = await SharedWait.start([endpoint(label)]);
    waits.push(wait);
    return wait;
  }
  const folder = () => join(runtime, `nixops4-providers-${process.getuid?.()}`);
  const isPending = (promise: Promise<unknown>) =>
    Promise.race([promise.then(() => false), new Promise((resolve) => setTimeout(() => resolve(true), 200))]);

  it("take turns", async () => {
    const [first, second] = [await start(), await start()];
    await first.takeTurn(signal);
    const turn = second.takeTurn(signal);
    expect(await isPending(turn)).toBe(true);
    await first.end();
    await turn;
    expect(await second.heard()).toBeUndefined();
  });

  it("keep their turn", async () => {
    const first = await start();
    await first.takeTurn(signal);
    await first.takeTurn(signal);
    expect(await first.heard()).toBeUndefined();
  });

  it("do not wait for those for another host", async () => {
    const [first, other] = [await start(), await start("web2:22")];
    await first.takeTurn(signal);
    await other.takeTurn(signal);
    expect(await readdir(folder())).toHaveLength(2);
  });

  it("hear the first line of the last error of the one that tries", async () => {
    const [first, second] = [await start(), await start()];
    await first.takeTurn(signal);
    expect(await second.heard()).toBeUndefined();
    await first.tellFailure(new Error("connection refused", { cause: new Error("ECONNREFUSED") }));
    await first.tellFailure(new Error("the login failed\nand more"));
    expect((await second.heard())?.message).toBe(
      "another process is trying; its last error: the login failed",
    );
    expect(await first.heard()).toBeUndefined();
  });

  it("try at the same time after one of them has logged in", async () => {
    const [first, second, third] = [await start(), await start(), await start()];
    await first.takeTurn(signal);
    await first.tellSuccess();
    await first.end();
    await second.takeTurn(signal);
    await third.takeTurn(signal);
  });

  it("take turns again after a login before they began", async () => {
    const first = await start();
    await first.takeTurn(signal);
    await first.tellSuccess();
    await first.end();
    const [second, third] = [await start(), await start()];
    await second.takeTurn(signal);
    expect(await isPending(third.takeTurn(signal).catch(() => {}))).toBe(true);
    await second.end();
  });

  it("tell nothing without their turn", async () => {
    const [first, second] = [await start(), await start()];
    await first.takeTurn(signal);
    await second.tellFailure(new Error("not my turn"));
    const [name] = await readdir(folder());
    expect(await readFile(join(folder(), name!), "utf8")).toBe("");
  });

  it("ignore news that is damaged", async () => {
    const [first, second] = [await start(), await start()];
    await first.takeTurn(signal);
    const [name] = await readdir(folder());
    await writeFile(join(folder(), name!), '{"letInAt"');
    expect(await second.heard()).toBeUndefined();
    await first.end();
    await second.takeTurn(signal);
  });

  it("end when they are interrupted", async () => {
    const [first, second] = [await start(), await start()];
    await first.takeTurn(signal);
    const controller = new AbortController();
    const turn = second.takeTurn(controller.signal);
    controller.abort(new Error("interrupted by SIGINT"));
    await expect(turn).rejects.toThrow("flock was interrupted");
  });

  it("do not exclude each other without a private folder", async () => {
    await SharedWait.start([endpoint("web1:22")]).then((wait) => wait.end());
    await chmod(folder(), 0o755);
    const [first, second] = [await start(), await start()];
    await first.takeTurn(signal);
    await second.takeTurn(signal);
    await second.tellFailure(new Error("nobody reads this"));
    expect(await first.heard()).toBeUndefined();
  });
});
