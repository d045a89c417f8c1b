import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import {
  makeSshKey,
  startSshLab,
  type SshKey,
  type SshLab,
  TcpProxy,
  timeSince,
} from "@nixops4-providers/test-servers";
import { ConnectError, waitForSsh } from "../src/index.ts";
import { connectionTo, describeWithSshd, printed } from "./lab.ts";
import { testContext } from "./test-context.ts";

const count = (text: string, part: string) => text.split(part).length - 1;

describeWithSshd("waiting for SSH", () => {
  let lab: SshLab;
  let stranger: SshKey;

  beforeAll(async () => {
    lab = await startSshLab();
    stranger = await makeSshKey(lab.folder, "stranger");
  });
  afterAll(() => lab.stop());

  it("succeeds when the server starts later", async () => {
    await lab.sshd.stop();
    const waiting = waitForSsh(connectionTo(lab), testContext(), { timeoutSeconds: 20 });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const started = Date.now();
    await lab.restart();
    const ssh = await waiting;
    expect(await timeSince(started)).toBeLessThan(5_000);
    expect(ssh.hostPublicKey).toBe(lab.hostKey.publicKey.split(" ").slice(0, 2).join(" "));
    // The time limit of the wait does not apply to the connection.
    expect(await printed(ssh, "echo here")).toBe("here\n");
    ssh.end();
    // The wait probes the port without a connection, and logs in on the first one.
    expect(count(lab.sshd.log(), "Connection from")).toBe(1);
  });

  it("succeeds when the key is accepted later, with few attempts", async () => {
    const seen = lab.sshd.log().length;
    const connection = connectionTo(lab, { privateKey: { file: stranger.file } });
    const waiting = waitForSsh(connection, testContext(), { timeoutSeconds: 30 });
    // The attempts are at 0, 2 and 6 s, so there is time for the reload after the second.
    const refused = () => count(lab.sshd.log().slice(seen), "Disconnected from authenticating user");
    while (refused() < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    await lab.sshd.reload({ authorizedKeys: [stranger.publicKey] });
    (await waiting).end();
    expect(count(lab.sshd.log().slice(seen), "Connection from")).toBe(3);
    await lab.sshd.reload({ authorizedKeys: [lab.userKey.publicKey] });
  });

  it("ends at its deadline with the error of the last attempt", async () => {
    const connection = connectionTo(lab, { privateKey: { file: stranger.file } });
    const started = Date.now();
    const error: unknown = await waitForSsh(connection, testContext(), { timeoutSeconds: 3 }).catch(
      (reason: unknown) => reason,
    );
    expect(describeError(error)).toMatch(
      /could not log in to .* within 3 s: .* refused the login of .* with the key/,
    );
    expect(await timeSince(started)).toBeLessThan(4_000);
  });

  it("does not outlast its deadline on a host that accepts connections and says nothing", async () => {
    const silent = await TcpProxy.start();
    const started = Date.now();
    const waiting = waitForSsh(connectionTo(lab, { port: silent.port }), testContext(), {
      timeoutSeconds: 1,
    });
    await expect(waiting).rejects.toThrow("within 1 s");
    expect(await timeSince(started)).toBeLessThan(2_000);
    expect(silent.connections).toBe(1);
    await silent.stop();
  });

  it("fails at once on a wrong host key", async () => {
    const connection = connectionTo(lab, { hostPublicKeys: [stranger.publicKey] });
    const error: unknown = await waitForSsh(connection, testContext(), { timeoutSeconds: 20 }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ConnectError);
    expect((error as ConnectError).reason).toBe("host-key");
  });

  it("waits for the pinned key while the host reboots, and sends nothing before", async () => {
    const seen = lab.sshd.log().length;
    await lab.sshd.reload({ hostKeyFiles: [stranger.file] });
    const waiting = waitForSsh(connectionTo(lab), testContext(), { timeoutSeconds: 60, reboots: true });
    const attempts = () => count(lab.sshd.log().slice(seen), "Connection from");
    while (attempts() < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(lab.sshd.log().slice(seen)).not.toMatch(/userauth-request|publickey/);
    await lab.sshd.reload({ hostKeyFiles: [lab.hostKey.file] });
    (await waiting).end();
  });

  it("reports at its deadline that a rebooting host has another key, and does not wait for that of a jump host", async () => {
    const connection = connectionTo(lab, { hostPublicKeys: [stranger.publicKey] });
    const during = { timeoutSeconds: 1, reboots: true };
    const error: unknown = await waitForSsh(connection, testContext(), during).catch(
      (reason: unknown) => reason,
    );
    expect(describeError(error)).toMatch(/within 1 s: the host key of .* is not the expected one/);
    const jump = [{ ...connection, agent: false }];
    const behind = waitForSsh(connectionTo(lab, { jump }), testContext(), {
      timeoutSeconds: 600,
      reboots: true,
    });
    await expect(behind).rejects.toMatchObject({ reason: "host-key" });
  });

  it("keeps the connection to a jump host while the host behind it starts", async () => {
    const hop = await startSshLab();
    await lab.sshd.stop();
    const connection = connectionTo(lab, { jump: [{ ...hop.connection, agent: false }] });
    const waiting = waitForSsh(connection, testContext(), { timeoutSeconds: 20 });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    await lab.restart();
    (await waiting).end();
    expect(count(hop.sshd.log(), "Connection from")).toBe(1);
    await hop.stop();
  });
});
