import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { ProviderError } from "@nixops4-providers/provider-sdk";
import {
  connect,
  type ConnectError,
  connectOver,
  type ConnectionSettings,
  connectToUnverifiedHost,
  runScript,
  type SshConnection,
  withConnection,
} from "../src/index.ts";
import { FakeHost, forwardTo, makeKey } from "./fake-host.ts";
import { testContext } from "./test-context.ts";

let host: FakeHost;
const more: FakeHost[] = [];
beforeEach(async () => void (host = await FakeHost.start()));
afterEach(() => {
  for (const one of [host, ...more.splice(0)]) one.stop();
});

async function startAnother(): Promise<FakeHost> {
  const another = await FakeHost.start();
  more.push(another);
  return another;
}

async function failure(connection: ConnectionSettings, signal?: AbortSignal): Promise<ConnectError> {
  return connect(connection, testContext(signal)).then(
    (ssh) => {
      ssh.end();
      throw new Error("it connected");
    },
    (error: unknown) => error as ConnectError,
  );
}

async function hello(ssh: SshConnection): Promise<string> {
  const script = { script: "echo hello", timeoutSeconds: 20, doing: "say hello" };
  return (await runScript(ssh, script)).stdout.toString();
}

const ecdsaKey = () => makeKey("ecdsa");

describe("connect", () => {
  it("logs in, runs a script and says which key the host has", async () => {
    const ssh = await connect(host.connection(), testContext());
    expect(await hello(ssh)).toBe("hello\n");
    expect([ssh.hostPublicKey, ssh.label, ssh.user]).toEqual([host.hostKey.public, host.label, "bob"]);
    ssh.end();
  });

  it("accepts each of several pinned keys", async () => {
    const hostPublicKeys = [(await makeKey()).public, host.hostKey.public];
    const ssh = await connect(host.connection({ hostPublicKeys }), testContext());
    expect(ssh.hostPublicKey).toBe(host.hostKey.public);
    ssh.end();
  });

  it.each([
    ["another key", makeKey],
    ["a key of a type that is not pinned", ecdsaKey],
  ])("refuses a host with %s, and does not log in", async (_, pin) => {
    const error = await failure(host.connection({ hostPublicKeys: [(await pin()).public] }));
    expect(error.reason).toBe("host-key");
    expect(error.message).toMatch(
      /^the host key of 127\.0\.0\.1:\d+ is not the expected one: expected SHA256:\S+ \(\S+\), presented SHA256:\S+ \(ssh-ed25519\)$/,
    );
    expect(host.logins).toBe(0);
  });

  it("says which key was refused", async () => {
    const error = await failure(host.connection({ privateKey: { value: (await makeKey()).private } }));
    expect(error.reason).toBe("authentication");
    expect(error.message).toMatch(/refused the login of bob with the key ssh-ed25519 SHA256:\S+ given/);
  });

  it("advises to wait for a host that does not answer", async () => {
    const gone = await FakeHost.start();
    const connection = gone.connection();
    gone.stop();
    expect(await failure(connection)).toMatchObject({
      reason: "unreachable",
      message: `cannot connect to 127.0.0.1:${connection.port}`,
      hint: "Check the address, that the host is up and that sshd listens on this port. To wait for a host, use `ssh.wait`.",
    });
  });

  it("does not advise to wait for a host that refuses the login", async () => {
    const error = await failure(host.connection({ privateKey: { value: (await makeKey()).private } }));
    expect(error.hint).not.toContain("ssh.wait");
  });

  it("tries again when a host drops the connection before its banner", async () => {
    host.behaviour.takeSocket = (socket) => host.sockets === 1 && socket.end() !== undefined;
    const ssh = await connect(host.connection(), testContext());
    expect(host.sockets).toBe(2);
    ssh.end();
  });

  it("does not try again when a host ends the connection later", async () => {
    host.behaviour.takeSocket = (socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n") !== undefined;
    expect(await failure(host.connection())).toMatchObject({
      reason: "unreachable",
      message: `the connection to ${host.label} was lost during key exchange`,
    });
    expect(host.sockets).toBe(1);
  });

  it("gives up a host that says nothing", async () => {
    host.behaviour.takeSocket = () => true;
    expect(await failure(host.connection({ connectTimeoutSeconds: 0.2 }))).toMatchObject({
      reason: "unreachable",
      message: `cannot connect to ${host.label}: no SSH banner within 0.2 s`,
    });
  });

  it("gives up a host that does not answer the login", async () => {
    host.behaviour.authenticate = () => {};
    expect(await failure(host.connection({ connectTimeoutSeconds: 1 }))).toMatchObject({
      message: `cannot connect to ${host.label}: login did not finish within 1 s`,
    });
  });

  it("throws an error in the key as it is", async () => {
    const error = await failure(host.connection({ privateKey: { env: "NO_SUCH_VARIABLE" } }));
    expect(error).toEqual(
      new ProviderError(
        `cannot read the private key for bob@${host.label}: the environment variable NO_SUCH_VARIABLE is not set`,
      ),
    );
    expect(host.sockets).toBe(0);
  });

  it("throws the reason of a signal that is already aborted", async () => {
    const reason = new Error("by the test");
    expect(await failure(host.connection(), AbortSignal.abort(reason))).toBe(reason);
  });

  it("throws the reason of a signal that is aborted during the handshake", async () => {
    const controller = new AbortController();
    const reason = new Error("by the test");
    host.behaviour.takeSocket = () => {
      controller.abort(reason);
      return true;
    };
    expect(await failure(host.connection(), controller.signal)).toBe(reason);
  });

  it("ends the connection after the work, also when it fails", async () => {
    const seen: SshConnection[] = [];
    const work = (ssh: SshConnection): Promise<void> => {
      seen.push(ssh);
      throw new Error("by the test");
    };
    await expect(withConnection(host.connection(), testContext(), work)).rejects.toThrow("by the test");
    await once(seen[0]!.link.client, "close");
    expect(seen[0]!.link.lost).toEqual(new Error("the connection was closed"));
  });
});

describe("a jump host", () => {
  let inner: FakeHost;
  beforeEach(async () => void (inner = await startAnother()));

  const through = (changes: Partial<ConnectionSettings> = {}) => {
    const { jump: _, connectTimeoutSeconds: __, ...hop } = host.connection();
    return inner.connection({ jump: [hop], ...changes });
  };

  it("leads to the next host", async () => {
    host.behaviour.forward = forwardTo;
    const ssh = await connect(through(), testContext());
    expect(await hello(ssh)).toBe("hello\n");
    expect([ssh.label, ssh.hostPublicKey]).toEqual([inner.label, inner.hostKey.public]);
    ssh.end();
  });

  it("checks the key of the next host, also one of another type", async () => {
    host.behaviour.forward = forwardTo;
    const error = await failure(through({ hostPublicKeys: [(await ecdsaKey()).public] }));
    expect(error.message).toMatch(/presented SHA256:\S+ \(ssh-ed25519\)$/);
  });

  it("may refuse to forward", async () => {
    expect(await failure(through())).toMatchObject({
      reason: "protocol",
      message: `the jump host ${host.label} refuses to connect to ${inner.label}`,
      hint: "Its sshd needs `AllowTcpForwarding yes` (or `local`) for this user.",
    });
  });

  it("may not reach the next host", async () => {
    host.behaviour.forward = (_, reject) => reject();
    expect(await failure(through())).toMatchObject({
      reason: "unreachable",
      message: `cannot connect to ${inner.label} from the jump host ${host.label}`,
    });
  });

  it("may get no answer from the next host", async () => {
    host.behaviour.forward = () => {};
    expect(await failure(through({ connectTimeoutSeconds: 0.5 }))).toMatchObject({
      reason: "unreachable",
      cause: { message: "no answer within 0.5 s" },
    });
  });

  it("is left at once when the signal is aborted", async () => {
    const controller = new AbortController();
    const reason = new Error("by the test");
    host.behaviour.forward = () => controller.abort(reason);
    expect(await failure(through(), controller.signal)).toBe(reason);
  });
});

describe("connectOver", () => {
  it("connects over a stream, whatever the address", async () => {
    const stream = connectSocket(host.port, "127.0.0.1");
    const ssh = await connectOver(stream, host.connection({ host: "192.0.2.1" }), testContext());
    expect(await hello(ssh)).toBe("hello\n");
    ssh.end();
  });

  it("ends the stream when the key is another", async () => {
    const stream = connectSocket(host.port, "127.0.0.1");
    const connection = host.connection({ hostPublicKeys: [(await makeKey()).public] });
    await expect(connectOver(stream, connection, testContext())).rejects.toMatchObject({
      reason: "host-key",
    });
    expect(stream.destroyed).toBe(true);
  });
});

describe("connectToUnverifiedHost", () => {
  it.each([
    ["any key", makeKey],
    ["a key of any type", ecdsaKey],
  ])("accepts %s, and says which it is", async (_, make) => {
    const presents = await make();
    host.behaviour.presents = presents;
    const ssh = await connectToUnverifiedHost(host.connection(), testContext());
    expect(ssh.hostPublicKey).toBe(presents.public);
    ssh.end();
  });

  it("refuses a jump host with another key", async () => {
    const inner = await startAnother();
    const {
      jump: _,
      connectTimeoutSeconds: __,
      ...hop
    } = host.connection({
      hostPublicKeys: [(await makeKey()).public],
    });
    await expect(
      connectToUnverifiedHost(inner.connection({ jump: [hop] }), testContext()),
    ).rejects.toMatchObject({ reason: "host-key" });
  });
});
