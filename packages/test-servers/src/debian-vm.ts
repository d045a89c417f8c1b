import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { debianRoot, type DebianRoot } from "./debian-root.ts";
import { writeSeedDisk, type DebianUser } from "./debian-seed.ts";
import { freePort } from "./free-port.ts";
import { NETWORK_ID, QemuProcess, type VirtualMachine } from "./qemu.ts";
import { makeSshKey } from "./ssh-key.ts";

export interface DebianVmOptions {
  /** An empty folder for the disks and the console log. The caller creates and removes it. */
  folder: string;
  /** The OpenSSH public key lines that can log in, as root and as each of `users`. */
  authorizedKeys: string[];
  /** Private host key files, each with its `.pub` file, one per key type. Default: a new ed25519 key. */
  hostKeyFiles?: string[];
  /** Default: root only. */
  users?: DebianUser[];
  /** TCP ports of the guest, besides SSH, that are forwarded from loopback. */
  ports?: number[];
  /** The memory in MiB. Default: 1024. */
  memoryMiB?: number;
  /** Kernel parameters, such as `["systemd.show_status=1", "loglevel=7"]` for a verbose console. */
  extraKernelParameters?: string[];
  /**
   * A cpio archive that is added to the initial ramdisk. The kernel parameter `rdinit=/…` selects another first
   * program.
   */
  extraInitrd?: string;
}

/** Debian in a virtual machine. It can be reached from loopback, and has no outgoing network. */
export interface DebianVm extends VirtualMachine {
  host: "127.0.0.1";
  /** The SSH port. Connections are accepted even while the guest is down; they then get no answer, or are closed. */
  port: number;
  /** The OpenSSH public key lines of the guest's host keys. */
  hostPublicKeys: string[];
  /** Returns the port on loopback that is forwarded to one of the `ports`. */
  forwardedPort(guestPort: number): number;
  /** Waits until sshd answers. Also returns when a guest that is about to reboot still answers. */
  waitForSsh(timeoutSeconds?: number): Promise<void>;
}

const START_TIMEOUT_SECONDS = 600;
const SSH_PORT = 22;

/**
 * Starts the machine, and resolves when sshd answers, 10 to 20 s later. The machine has the address 10.0.2.15 on eth0,
 * without outgoing network, and keeps its disk over reboots. It boots like NixOS: with the `init` of the system that
 * `/boot/default-system` points to, or else Debian's. It ends with this process at the latest.
 */
export async function startDebianVm(options: DebianVmOptions): Promise<DebianVm> {
  const { folder, authorizedKeys, users = [], extraInitrd } = options;
  const root = await withInitrd(await debianRoot(), extraInitrd, folder);
  const hostKeyFiles = options.hostKeyFiles ?? [(await makeSshKey(folder, "vm_host_key")).file];
  const hostKeys = await Promise.all(
    hostKeyFiles.map(async (file) => ({ file, publicKey: (await readFile(`${file}.pub`, "utf8")).trim() })),
  );
  const disk = join(folder, "disk.qcow2");
  const [seed] = await Promise.all([
    writeSeedDisk(folder, { hostKeys, authorizedKeys, users }),
    promisify(execFile)("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "raw", "-b", root.image, disk]),
  ]);
  const ports = new Map<number, number>();
  for (const guestPort of [SSH_PORT, ...(options.ports ?? [])]) ports.set(guestPort, await freePort());
  const vm = new DebianVmProcess(
    ["qemu-system-x86_64", ...qemuArguments(options, ports, root, { disk, seed })],
    join(folder, "console.log"),
    hostKeys.map((key) => key.publicKey),
    ports,
  );
  try {
    await vm.begin();
    await vm.waitForSsh(START_TIMEOUT_SECONDS);
    return vm;
  } catch (error) {
    await vm.stop();
    throw error;
  }
}

/** Appends an archive to the initial ramdisk: the kernel unpacks both, one after the other. */
async function withInitrd(root: DebianRoot, extra: string | undefined, folder: string): Promise<DebianRoot> {
  if (extra === undefined) return root;
  const initrd = join(folder, "initrd");
  await writeFile(
    initrd,
    Buffer.concat(await Promise.all([root.initrd, extra].map((file) => readFile(file)))),
  );
  return { ...root, initrd };
}

function qemuArguments(
  { memoryMiB = 1024, extraKernelParameters = [] }: DebianVmOptions,
  ports: ReadonlyMap<number, number>,
  root: DebianRoot,
  disks: { disk: string; seed: string },
): string[] {
  const kernelParameters = ["root=/dev/vda", "rw", "console=ttyS0", "panic=1", "net.ifnames=0", "quiet"];
  const forwards = [...ports].map(([guest, host]) => `,hostfwd=tcp:127.0.0.1:${host}-:${guest}`);
  const options: [string, string][] = [
    ["-m", String(memoryMiB)],
    ["-kernel", root.kernel],
    ["-initrd", root.initrd],
    ["-append", [...kernelParameters, ...extraKernelParameters].join(" ")],
    // The host's page cache outlives the guest, so flushes are not needed, and would only slow down the tests.
    ["-drive", `file=${disks.disk},if=virtio,format=qcow2,cache=unsafe`],
    ["-drive", `file=${disks.seed},if=virtio,format=raw,readonly=on`],
    ["-netdev", `user,id=${NETWORK_ID},restrict=on${forwards.join("")}`],
    ["-device", `virtio-net-pci,netdev=${NETWORK_ID},romfile=`],
    ["-device", "virtio-rng-pci"],
  ];
  return options.flat();
}

class DebianVmProcess extends QemuProcess implements DebianVm {
  readonly host = "127.0.0.1";
  readonly hostPublicKeys: string[];
  /** The ports on loopback, by those of the guest. */
  readonly #ports: ReadonlyMap<number, number>;

  constructor(
    command: string[],
    consoleFile: string,
    hostPublicKeys: string[],
    ports: ReadonlyMap<number, number>,
  ) {
    super(command, consoleFile);
    this.hostPublicKeys = hostPublicKeys;
    this.#ports = ports;
  }

  get port(): number {
    return this.forwardedPort(SSH_PORT);
  }

  forwardedPort(guestPort: number): number {
    const port = this.#ports.get(guestPort);
    if (port === undefined) throw new Error(`port ${guestPort} of the guest is not forwarded`);
    return port;
  }

  waitForSsh(timeoutSeconds = START_TIMEOUT_SECONDS): Promise<void> {
    return this.waitFor("sshd", timeoutSeconds, () => hasSshBanner(this.host, this.port));
  }
}

function hasSshBanner(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (found: boolean) => {
      socket.destroy();
      resolve(found);
    };
    // A slow sshd gets enough time, since further attempts would slow it down more.
    socket.setTimeout(5000, () => finish(false));
    socket.on("error", () => finish(false)).on("close", () => finish(false));
    socket.once("data", (data) => finish(data.toString("latin1").startsWith("SSH-")));
  });
}
