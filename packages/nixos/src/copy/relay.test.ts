import { execFile, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { makeProgramFolder, type Relay, startRelay } from "./relay.ts";

/** As SSHMaster::startCommand of Nix 2.8 runs it, and that of newer versions. */
const OLD = ["nixops4-target", "-x", "-a", "nix-daemon", "--stdio"];
const NEW = [
  "nixops4-target",
  "-x",
  "-oPermitLocalCommand=yes",
  "-oLocalCommand=echo started",
  "--",
  "nix-daemon --stdio",
];

describe("startRelay", () => {
  const errors: unknown[] = [];
  let relay: Relay;

  beforeEach(async () => {
    relay = await startRelay(
      async () => new PassThrough(),
      (error) => errors.push(error),
    );
  });

  afterEach(() => relay.close());

  it.each([
    ["OLD", OLD, "hello"],
    ["NEW", NEW, "started\nhello"],
  ])("is an ssh for Nix (%s) that sends what it is sent through the stream", async (_, args, printed) => {
    expect(await ssh(relay, args, "hello")).toBe(printed);
  });

  it("has no shared connection", () => {
    const env = { ...process.env, ...relay.env };
    expect(spawnSync("ssh", ["-O", "check", ...NEW], { env }).status).toBe(255);
  });

  it("lets nobody else in, and leaves nothing behind", async () => {
    const folder = dirname(relay.env["NIXOPS4_RELAY_SOCKET"]!);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    await relay.close();
    expect(existsSync(folder)).toBe(false);
  });

  it("is not in a folder that another user can change", async () => {
    const shared = mkdtempSync("/tmp/relay-");
    try {
      for (const [mode, parent] of [
        [0o777, "/tmp"],
        [0o1777, shared],
      ] as const) {
        chmodSync(shared, mode);
        const folder = await makeProgramFolder([shared, "/tmp"]);
        rmSync(folder, { recursive: true });
        expect(dirname(folder)).toBe(parent);
      }
    } finally {
      rmSync(shared, { recursive: true });
    }
  });

  it("ends when no stream can be opened, and says why", async () => {
    const broken = await startRelay(
      () => Promise.reject(new Error("no channel")),
      (error) => errors.push(error),
    );
    expect(await ssh(broken, OLD, "hello")).toBe("");
    expect(errors).toEqual([new Error("no channel")]);
    await broken.close();
  });
});

function ssh(relay: Relay, args: string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...relay.env };
    const child = execFile("ssh", args, { env }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    );
    child.stdin!.on("error", () => {});
    child.stdin!.end(input);
  });
}
