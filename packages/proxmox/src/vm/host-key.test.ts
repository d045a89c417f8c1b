import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { inTurn, tableClient } from "../../tests/table-client.ts";
import { PveError } from "../client/errors.ts";
import type { Observed } from "../guest/observe.ts";
import { hostPublicKeyOf } from "./host-key.ts";
import type { Run } from "./run.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const FILE = "/etc/ssh/ssh_host_ed25519_key.pub";
const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPzM5VNMcVmkPFE7chyWtdkYVCtMaeG2a2YCrSxS7VHL";
const NO_AGENT = new PveError("GET /x", 500, "QEMU guest agent is not running");
const NO_FILE = new PveError(
  "GET /x",
  500,
  `Agent error: failed to open file '${FILE}': No such file or directory`,
);
const REFUSED = new PveError("GET /x", 403, "no");

async function keyOf(
  answer: unknown,
  waitForHostKey: object | undefined = { file: FILE, timeoutSeconds: 1 },
) {
  const { client, asked, log } = tableClient({ "GET /nodes/pve/qemu/100/agent/file-read": answer });
  const values = new Map([["agent", "1"]]);
  const seen = { kind: "qemu", node: "pve", vmid: 100, isRunning: true, values } as unknown as Observed;
  const end = hostPublicKeyOf({ client, inputs: { waitForHostKey } } as unknown as Run, seen).catch(
    (error: unknown) => error as Error,
  );
  await jest.advanceTimersByTimeAsync(20_000);
  return { key: await end, asked, log };
}

it("is not read if it is not wanted", async () => {
  const { client, asked } = tableClient({});
  expect(await hostPublicKeyOf({ client, inputs: {} } as unknown as Run, {} as Observed)).toBeNull();
  expect(asked).toEqual([]);
});

describe("the key", () => {
  it.each([
    ["without a comment", KEY, KEY],
    ["with a comment and a line feed", `${KEY} root@web (x)\n`, KEY],
    ["of RSA", "ssh-rsa AAAAB3NzaC1yc2E=\n", "ssh-rsa AAAAB3NzaC1yc2E="],
    ["of ECDSA", "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNo==", "ecdsa-sha2-nistp384 AAAAE2VjZHNhLXNo=="],
  ])("%s is read", async (_, content, key) => {
    expect(await keyOf({ content })).toMatchObject({
      key,
      asked: [["GET /nodes/pve/qemu/100/agent/file-read", { file: FILE, count: 16_384 }]],
    });
  });

  it.each([
    ["the agent runs", NO_AGENT, "QEMU guest agent is not running"],
    ["the file exists", NO_FILE, NO_FILE.reason],
    ["the file is not empty", { content: "" }, "the guest answers, but without it"],
  ])("is waited for until %s", async (_, before, detail) => {
    expect(await keyOf(inTurn(before, { content: KEY }))).toMatchObject({
      key: KEY,
      log: [`progress: waiting for the host key of VM 100 (${FILE})`, `update: ${detail}`],
    });
  });
});

describe("an error", () => {
  const SSHD = "sshd generates its keys at its first start: check that it is enabled in the guest.";
  const NO_KEY = {
    message: `VM 100 has no host key in ${FILE} after 1 s`,
    path: "waitForHostKey",
    hint: SSHD,
  };
  it.each([
    [
      "without an agent",
      NO_AGENT,
      {
        message: "the guest agent of VM 100 has not answered within 1 s",
        path: "waitForHostKey",
        hint: "Install it in the guest (NixOS: services.qemuGuest.enable = true; Debian: qemu-guest-agent), or remove this input.",
        cause: NO_AGENT,
      },
    ],
    ["without the file", NO_FILE, { ...NO_KEY, cause: NO_FILE }],
    ["with an empty file", { content: "" }, { ...NO_KEY, cause: undefined }],
    ["that stays", REFUSED, { message: "GET /x: 403 no" }],
  ])("%s", async (_, answer, error) => {
    expect((await keyOf(answer)).key).toMatchObject(error);
  });

  it.each([
    ["a private key", "-----BEGIN OPENSSH PRIVATE KEY-----\n"],
    ["two keys", `${KEY}\n${KEY}\n`],
    ["a key of another type", KEY.replace("ssh-ed25519", "ssh-dss")],
    ["something before the key", `# ${KEY}`],
  ])("with %s in the file comes at once", async (_, content) => {
    const { key, asked } = await keyOf({ content });
    expect(key).toMatchObject({
      message: `${FILE} of VM 100 is not a public host key`,
      path: "waitForHostKey.file",
      hint: "Set it to the file with the public half of the key, such as /etc/ssh/ssh_host_ed25519_key.pub.",
    });
    expect(asked).toHaveLength(1);
  });
});

it.each([
  [500, "QEMU guest agent is not running", true],
  [500, "VM 100 is not running", true],
  [500, "VM 100 qmp command 'guest-ping' failed - got timeout", true],
  [500, "no space", false],
  [403, "Permission check failed (/vms/100, VM.GuestAgent.FileRead)", false],
])("a refusal with %d %s may pass: %s", async (status, reason, mayPass) => {
  const { key } = await keyOf(inTurn(new PveError("GET /x", status, reason), { content: KEY }));
  if (mayPass) expect(key).toBe(KEY);
  else expect(key).toMatchObject({ status });
});
