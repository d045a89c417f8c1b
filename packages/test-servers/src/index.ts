export { startSshLab, type SshLab } from "./ssh-lab.ts";
export { findSshd, startSshd, type Sshd, type SshdOptions, type SshdSettings } from "./sshd.ts";
export { makeSshKey, type SshKey } from "./ssh-key.ts";
export { TcpProxy } from "./tcp-proxy.ts";
export { debianRoot, labAvailable, type DebianRoot } from "./debian-root.ts";
export { startDebianVm, type DebianVm, type DebianVmOptions } from "./debian-vm.ts";
export { type DebianUser } from "./debian-seed.ts";
export { buildTestSystem, type TestSystemOptions } from "./debian-test-system.ts";
