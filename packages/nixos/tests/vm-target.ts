import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type DebianUser, type DebianVm, makeSshKey, startDebianVm } from "@nixops4-providers/test-servers";
import { makeRamdiskWithSshd } from "./ramdisk-with-sshd.ts";
import type { Target } from "./target.ts";

const CONTROL_PORT = 2222;
const START_MS = 300_000;

/** A second sshd, which only the tests use, so that they can break the first one. */
const CONTROL_UNIT = `[Unit]
After=lab-network.service ssh.service
[Service]
ExecStartPre=mkdir -p /run/sshd
ExecStart=/usr/sbin/sshd -D -p ${CONTROL_PORT} -o PidFile=none
[Install]
WantedBy=multi-user.target
`;

export interface VmTarget extends Target {
  vm: DebianVm;
  /** Lets a waiting initial ramdisk continue, over its SSH server. */
  unlock(): Promise<void>;
}

/** Starts a virtual machine with systemd. */
export async function startVmTarget(users: DebianUser[] = []): Promise<VmTarget> {
  const folder = await mkdtemp(join(tmpdir(), "vm-target-"));
  const userKey = await makeSshKey(folder, "user");
  const authorizedKeys = [userKey.publicKey];
  const hostKey = await makeSshKey(folder, "vm_host_key");
  const other = await makeSshKey(folder, "ramdisk_host_key");
  const hostKeys = { pinned: hostKey.file, other: other.file };
  const vm = await startDebianVm({
    folder,
    authorizedKeys,
    hostKeyFiles: [hostKey.file],
    users,
    ports: [CONTROL_PORT],
    extraInitrd: await makeRamdiskWithSshd(folder, { hostKeys, authorizedKey: userKey.publicKey }),
    extraKernelParameters: ["rdinit=/ssh-init"],
  });
  const ssh = async (port: number, command: string, extraOptions: string[] = []) => {
    const options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];
    options.push(...extraOptions);
    const args = [...options.flatMap((option) => ["-o", option]), "-i", userKey.file, "-p", String(port)];
    const deadline = Date.now() + START_MS;
    for (;;) {
      try {
        const { stdout } = await promisify(execFile)("ssh", [...args, `root@${vm.host}`, command]);
        return stdout.trim();
      } catch (error) {
        // The server may still be starting.
        if ((error as { code?: unknown }).code !== 255 || Date.now() > deadline) throw error;
        await sleep(200);
      }
    }
  };
  // All commands share one login while it works, since each login takes more than a second in emulation.
  const shared = ["ControlMaster=auto", `ControlPath=${join(folder, "control")}`, "ControlPersist=yes"];
  const sh = (command: string) => ssh(vm.forwardedPort(CONTROL_PORT), command, shared);
  const unit = "/etc/systemd/system/control.service";
  await ssh(vm.port, `cat >${unit} <<'END'\n${CONTROL_UNIT}END\nsystemctl enable --now control`);
  return {
    vm,
    unlock: async () => void (await ssh(vm.port, "touch /unlocked")),
    connection: {
      host: vm.host,
      port: vm.port,
      hostPublicKeys: vm.hostPublicKeys,
      privateKey: { file: userKey.file },
    },
    sh,
    logins: async () =>
      Number(await sh("journalctl --boot --unit ssh --output cat | grep -c '^Accepted publickey'")),
    async dropSessions() {
      await sh("pkill -KILL -P $(systemctl show --property MainPID --value ssh)");
    },
    async stop() {
      await vm.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
