import { expect, it } from "@jest/globals";
import { agentPrivileges, privilegeForKey } from "./privileges.ts";

it.each([
  ["cores", "", "VM.Config.CPU"],
  ["memory", "", "VM.Config.Memory"],
  ["net0", "", "VM.Config.Network"],
  ["serial0", "", "VM.Config.HWType"],
  ["ipconfig0", "", "VM.Config.Cloudinit"],
  ["scsi0", "lvm:8", "VM.Config.Disk"],
  ["ide2", "none,media=cdrom", "VM.Config.CDROM"],
  ["boot", "order=scsi0", "VM.Config.Disk"],
  ["name", "", "VM.Config.Options"],
])("%s = %s needs %s", (key, text, privilege) => {
  expect(privilegeForKey(key, text)).toBe(privilege);
});

it.each([
  [8, "Audit", ["VM.Monitor"]],
  [9, "Audit", ["VM.GuestAgent.Audit", "VM.GuestAgent.Unrestricted"]],
  [10, "FileRead", ["VM.GuestAgent.FileRead", "VM.GuestAgent.Unrestricted"]],
] as const)("version %d needs for %s: %j", (major, use, privileges) => {
  expect(agentPrivileges(major, use)).toEqual(privileges);
});
