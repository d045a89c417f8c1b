import type { startInProcessSshd as start } from "./in-process-sshd.ts";

export { complaintsAbout, hasShellcheck } from "./shellcheck.ts";
export { startSshLab, type SshLab } from "./ssh-lab.ts";
export { findSshd, startSshd, type Sshd, type SshdOptions, type SshdSettings } from "./sshd.ts";
export { type SshServer, type SshServerOptions } from "./in-process-sshd.ts";
export { BUSY } from "./busy.ts";
export { timeSince } from "./time-since.ts";
export { seededRandom } from "./seeded-random.ts";
export { downloadByTftp, tftpReadRequest, type TftpDownload } from "./tftp-client.ts";
export { freePort } from "./free-port.ts";
export { makeSshKey, type SshKey } from "./ssh-key.ts";
export { TcpProxy } from "./tcp-proxy.ts";
export { debianRoot, labAvailable, type DebianRoot } from "./debian-root.ts";
export { missingForOpensshHost, startOpensshHost, type OpensshHost } from "./openssh-host.ts";
export { madeOnce } from "./made-once.ts";
export { startDebianVm, type DebianVm, type DebianVmOptions } from "./debian-vm.ts";
export { type DebianUser } from "./debian-seed.ts";
export { buildTestSystem, type TestSystemOptions } from "./debian-test-system.ts";
export { bootableDisk } from "./netboot-disk.ts";
export { dnsmasqConfig, type DnsmasqOptions } from "./netboot-dnsmasq.ts";
export { netbootLabAvailable, startNetbootLab, type Dnsmasq, type NetbootLab } from "./netboot-lab.ts";
export { netbootLinux, type NetbootLinux } from "./netboot-linux.ts";
export { type NetbootMachineOptions } from "./netboot-machine.ts";
export { type VirtualMachine } from "./qemu.ts";
export { exfatFolder, missingForExfat } from "./shared-folder.ts";
export { FailingFs, FAULTS, inMemoryFolder } from "./failing-fs.ts";
export {
  KEPT,
  OTHER_USER,
  OtherUserLab,
  SWAP_FILES,
  SWAP_FOLDER,
  swapAll,
  type SwapOptions,
  UNTOUCHED,
} from "./other-user.ts";

/** Starts the in-process server. Loads the SSH library on the first call. */
export const startInProcessSshd: typeof start = async (options) =>
  (await import("./in-process-sshd.ts")).startInProcessSshd(options);
export { type DnsKey, type DnsServer, type DnsServerOptions, type DnsZone } from "./dns-server.ts";
export { startNamed, type NamedOptions } from "./named.ts";
export { startKnot } from "./knotd.ts";
export { startPowerDns } from "./powerdns.ts";
export { findProgram, runWithInput, ServerProcess } from "./server-process.ts";
