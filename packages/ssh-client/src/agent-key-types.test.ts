import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { listKeyTypes } from "./agent-key-types.ts";

let folder: string;
let path: string;
let server: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "agent-"));
  path = join(folder, "socket");
});
afterEach(async () => {
  server?.close();
  await rm(folder, { recursive: true });
});

async function startAgent(answer: (socket: Socket) => void): Promise<void> {
  server = createServer((socket) => socket.on("error", () => {}).once("data", () => answer(socket)));
  await new Promise<void>((resolve) => server!.listen(path, resolve));
}

const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const string = (bytes: Buffer | string) => Buffer.concat([uint32(bytes.length), Buffer.from(bytes)]);
const packet = (type: number, ...parts: Buffer[]) => string(Buffer.concat([Buffer.of(type), ...parts]));
const identity = (type: string, comment: string) =>
  Buffer.concat([string(Buffer.concat([string(type), string("rest of the key")])), string(comment)]);
const IDENTITIES = packet(12, uint32(2), identity("ssh-ed25519", ""), identity("ssh-rsa-cert-v01", "bob"));

describe("the key types of an SSH agent", () => {
  it("are read from an answer in one piece, and byte by byte", async () => {
    await startAgent((socket) => socket.write(IDENTITIES));
    expect(await listKeyTypes(path)).toEqual(["ssh-ed25519", "ssh-rsa-cert-v01"]);
    server!.close();
    await startAgent((socket) => {
      socket.setNoDelay();
      let at = 0;
      const timer = setInterval(() => {
        if (at === IDENTITIES.length) return clearInterval(timer);
        socket.write(IDENTITIES.subarray(at, ++at));
      }, 1);
    });
    expect(await listKeyTypes(path)).toEqual(["ssh-ed25519", "ssh-rsa-cert-v01"]);
  });

  it.each([
    ["no keys", packet(12, uint32(0)), []],
    ["a longer answer than one packet", Buffer.concat([packet(12, uint32(0)), Buffer.of(1)]), []],
  ])("are none, with %s", async (_, answer, types) => {
    await startAgent((socket) => socket.write(answer));
    expect(await listKeyTypes(path)).toEqual(types);
  });

  it.each([
    ["a refusal", packet(5), "it refused"],
    ["an empty packet", Buffer.alloc(4), "it refused"],
    ["an end in the middle", IDENTITIES.subarray(0, -1), "it closed the connection"],
    ["an end at once", Buffer.alloc(0), "it closed the connection"],
    ["an end in the length", Buffer.alloc(3), "it closed the connection"],
  ])("are an error, with %s", async (_, answer, message) => {
    await startAgent((socket) => socket.end(answer));
    await expect(listKeyTypes(path)).rejects.toThrow(message);
  });

  it("are an error, with more keys announced than there are", async () => {
    await startAgent((socket) => socket.write(packet(12, uint32(2), identity("ssh-ed25519", ""))));
    await expect(listKeyTypes(path)).rejects.toThrow();
  });

  it("are read from an answer of 256 KiB, and not from a longer one", async () => {
    const answerOf = (length: number) =>
      packet(
        12,
        uint32(1),
        identity("ssh-ed25519", "x".repeat(length - identity("ssh-ed25519", "").length - 9)),
      );
    const limit = 256 * 1024;
    expect(answerOf(limit)).toHaveLength(limit);
    await startAgent((socket) => socket.write(answerOf(limit)));
    expect(await listKeyTypes(path)).toEqual(["ssh-ed25519"]);
    server!.close();
    await startAgent((socket) => socket.write(answerOf(limit + 1)));
    await expect(listKeyTypes(path)).rejects.toThrow("its answer is too long");
  });
});
