import { execFile } from "node:child_process";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "@nixops4-providers/test-servers";

const run = promisify(execFile);

/** A file on the machine's disk with the name of the host key for the ramdisk's SSH server. It applies to one boot. */
export const WAIT_WITH = "/boot/wait-with-host-key";

/**
 * The first program of the machine. If {@link WAIT_WITH} exists, it starts an SSH server with that host key and waits
 * until /unlocked exists, like an initial ramdisk that waits for the passphrase of a disk.
 */
const INIT = `#!/bin/busybox sh
PATH=/bin:/usr/sbin
/bin/busybox --install -s /bin
grep '^busybox insmod' /init | sh
mount -t devtmpfs dev /dev
mount -t ext4 /dev/vda /root
key=$(cat /root${WAIT_WITH} 2>/dev/null)
rm -f /root${WAIT_WITH}
umount /root
if [ -n "$key" ]; then
  mkdir -p /proc /dev/pts
  mount -t proc proc /proc
  mount -t devpts pts /dev/pts
  ip link set eth0 up
  ip address add 10.0.2.15/24 dev eth0
  ip route add default via 10.0.2.2
  dropbear -F -E -s -r "/keys/$key" &
  echo "ramdisk: waiting with the host key $key"
  until [ -e /unlocked ]; do sleep 0.2; done
  killall -9 dropbear
  ip address flush dev eth0
  ip link set eth0 down
  umount /dev/pts /proc
fi
umount /dev
exec /init
`;

/**
 * Makes an archive for the initial ramdisk with an SSH server and its host keys. It is started with `rdinit=/ssh-init`.
 */
export async function makeRamdiskWithSshd(
  folder: string,
  { hostKeys, authorizedKey }: { hostKeys: Record<string, string>; authorizedKey: string },
): Promise<string> {
  const files = join(folder, "ramdisk");
  const dropbear = findProgram("dropbear")!;
  const { stdout } = await run("ldd", [dropbear]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!);
  for (const file of [dropbear, ...libraries]) {
    await mkdir(join(files, dirname(file)), { recursive: true });
    await copyFile(file, join(files, file));
  }
  await Promise.all(
    ["keys", "etc", "home/.ssh"].map((path) => mkdir(join(files, path), { recursive: true })),
  );
  for (const [name, file] of Object.entries(hostKeys)) {
    await run("dropbearconvert", ["openssh", "dropbear", file, join(files, "keys", name)]);
  }
  await writeFile(join(files, "etc/passwd"), "root:x:0:0:root:/home:/bin/sh\n");
  await writeFile(join(files, "home/.ssh/authorized_keys"), `${authorizedKey}\n`, { mode: 0o600 });
  await writeFile(join(files, "ssh-init"), INIT, { mode: 0o755 });
  const archive = join(folder, "ramdisk.cpio");
  await run("sh", ["-c", 'cd "$1" && find . | cpio --quiet -o -H newc -R 0:0 >"$2"', "sh", files, archive]);
  return archive;
}
