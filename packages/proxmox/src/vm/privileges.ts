const CPU = /^(cores|sockets|cpu|cpulimit|cpuunits|numa\d*|vcpus|affinity)$/;
const MEMORY = /^(memory|balloon|shares|allow-ksm)$/;
const HARDWARE =
  /^(acpi|hotplug|kvm|machine|scsihw|smbios1|tablet|vga|watchdog|audio0|serial\d+|rng0|usb\d+|hostpci\d+)$/;
const CLOUD_INIT = /^(cicustom|citype|ciuser|nameserver|searchdomain|sshkeys|ciupgrade|ipconfig\d+)$/;
const DISK = /^((ide|sata|scsi|virtio|efidisk|tpmstate|unused)\d+|boot|bootdisk|vmstatestorage)$/;

/** Returns the privilege for a key of a VM's configuration. */
export function privilegeForKey(key: string, text: string): string {
  if (CPU.test(key)) return "VM.Config.CPU";
  if (MEMORY.test(key)) return "VM.Config.Memory";
  if (/^net\d+$/.test(key)) return "VM.Config.Network";
  if (HARDWARE.test(key)) return "VM.Config.HWType";
  if (CLOUD_INIT.test(key)) return "VM.Config.Cloudinit";
  if (DISK.test(key)) return text.includes("media=cdrom") ? "VM.Config.CDROM" : "VM.Config.Disk";
  return "VM.Config.Options";
}

/** Returns the privileges for a use of the guest agent, any of which is enough. Before version 9, VM.Monitor covers all uses. */
export function agentPrivileges(major: number, use: "Audit" | "FileRead"): string[] {
  return major >= 9 ? [`VM.GuestAgent.${use}`, "VM.GuestAgent.Unrestricted"] : ["VM.Monitor"];
}
