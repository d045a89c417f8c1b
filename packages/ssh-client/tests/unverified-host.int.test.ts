import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { findSshd, makeSshKey, startSshLab, type SshKey, type SshLab } from "@nixops4-providers/test-servers";
import { connect, connectOver, connectToUnverifiedHost, openScript } from "../src/index.ts";
import { connectionTo, describeWithSshd, printed } from "./lab.ts";
import { testContext } from "./test-context.ts";

describeWithSshd("connections beside the pinned one", () => {
  let lab: SshLab;
  let other: SshKey;
  beforeAll(async () => {
    lab = await startSshLab();
    other = await makeSshKey(lab.folder, "other");
  });
  afterAll(() => lab.stop());

  const plain = ({ publicKey }: SshKey) => publicKey.split(" ", 2).join(" ");
  const unknown = () => connectionTo(lab, { hostPublicKeys: [other.publicKey] });

  it("connects to an unverified host and tells which key it presented", async () => {
    const ssh = await connectToUnverifiedHost(unknown(), testContext());
    expect(ssh.hostPublicKey).toBe(plain(lab.hostKey));
    expect(await printed(ssh, "echo read")).toBe("read\n");
    ssh.end();
    // The accepted key is not remembered.
    await expect(connect(unknown(), testContext())).rejects.toMatchObject({ reason: "host-key" });
  });

  it("reaches an unverified host through a jump host only if that is the expected one", async () => {
    const hop = (hostPublicKeys: string[]) => ({ ...lab.connection, agent: true, hostPublicKeys });
    const reach = (pins: string[]) =>
      connectToUnverifiedHost({ ...unknown(), jump: [hop(pins)] }, testContext());
    await expect(reach([other.publicKey])).rejects.toMatchObject({ reason: "host-key" });
    (await reach([lab.hostKey.publicKey])).end();
  });

  it("logs in over a stream to another sshd, and checks its key", async () => {
    const ssh = await connect(connectionTo(lab), testContext());
    const script = `exec ${findSshd()} -i -f ${lab.folder}/sshd_config -h ${other.file}`;
    const open = () => openScript(ssh, { script, timeoutSeconds: 20, doing: "start another sshd" });
    const inner = await connectOver(await open(), unknown(), testContext());
    expect(inner.hostPublicKey).toBe(plain(other));
    expect(await printed(inner, "echo inside")).toBe("inside\n");
    inner.end();
    await expect(connectOver(await open(), connectionTo(lab), testContext())).rejects.toMatchObject({
      reason: "host-key",
    });
    ssh.end();
  });
});
