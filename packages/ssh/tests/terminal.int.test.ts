import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { makeSshKey, startSshLab, type SshLab } from "@nixops4-providers/test-servers";
import { create, describeWithSshd } from "./lab.ts";

const EVIL = "\u001b]0;OWNED\u0007\u001b[2J\u001b[1;31mtype the password here:\u001b[8m\u009b\u202e";

// eslint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/;

/** Returns a packet with SSH_MSG_DISCONNECT from before the key exchange (RFC 4253). */
function disconnect(description: string): Buffer {
  const text = Buffer.from(description);
  const payload = Buffer.alloc(13 + text.length);
  payload.writeUInt8(1, 0);
  payload.writeUInt32BE(2, 1);
  payload.writeUInt32BE(text.length, 5);
  text.copy(payload, 9);
  const padding = 8 - ((payload.length + 5) % 8) + 8;
  const packet = Buffer.alloc(5 + payload.length + padding);
  packet.writeUInt32BE(payload.length + padding + 1, 0);
  packet.writeUInt8(padding, 4);
  payload.copy(packet, 5);
  return packet;
}

describeWithSshd("messages of a host", () => {
  let lab: SshLab;
  beforeAll(async () => void (lab = await startSshLab()));
  afterAll(() => lab.stop());

  it.each([
    ["before SSH", `${EVIL}\r\n`, ""],
    ["as the reason of its end", "SSH-2.0-OpenSSH_9.2\r\n", EVIL],
  ])(
    "that has proven nothing do nothing to a terminal: %s",
    async (_, greeting, reason) => {
      const server = createServer((socket) => {
        socket.on("error", () => {}).write(greeting);
        socket.once("data", () => socket.end(disconnect(reason)));
        if (reason === "") socket.end();
      }).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const { publicKey } = await makeSshKey(lab.folder, `other ${port}`);
      const connection = { ...lab.connection, port, hostPublicKeys: [publicKey] };
      for (const [type, inputs] of [
        ["exec", { command: "true" }],
        ["wait", { timeoutSeconds: 2 }],
        ["host_key", { timeoutSeconds: 2 }],
      ] as const) {
        const { error, stderr } = await create(type, { connection, ...inputs }, true);
        expect([type, error]).toEqual([type, expect.stringContaining("type the password here:")]);
        expect([type, UNPRINTABLE.exec(`${error}${stderr}`)]).toEqual([type, null]);
      }
      server.close();
    },
    60_000,
  );

  it("from a start file or a command are escaped, except colours in a command's log", async () => {
    const command = `printf '\\033]0;OWNED\\007\\033[1;31mred\\033[0m\\n' >&2; exit 3`;
    const { error, stderr } = await create("exec", { connection: lab.connection, command });
    expect(stderr).toContain("\\x1b]0;OWNED\\x07\u001b[1;31mred\u001b[0m\n");
    expect(error).toContain("\\x1b]0;OWNED\\x07\\x1b[1;31mred");
    expect(UNPRINTABLE.exec(error!)).toBeNull();
  });
});
