import { defineResource } from "@nixops4-providers/provider-sdk";
import { checkVm } from "../vm/check.ts";
import { inputs, outputs } from "../vm/schema.ts";
import docs from "./vm.md";

export const vm = defineResource({
  type: "vm",
  description:
    "A virtual machine. Neither the VM nor a disk is ever destroyed or recreated because an input changed: a change that is not " +
    "possible in place is refused, with the reason and what to do instead. A change is done when it is active. If it needs a power " +
    "cycle, the VM is power cycled (`rebootForChanges`), or the run fails.\n\nThese change without a power cycle: `name`, `description`, " +
    "`tags`, `onBoot`, `startup`, `protection`, `cpuLimit`, `cloudInit`, `networks`, the ISO image of `cdrom`, new `scsi` and `virtio` " +
    "disks, and the size of a disk. These need one: `cores`, `sockets`, `cpuType`, `memory`, `balloon`, `bios`, `machine`, " +
    "`scsiController`, `efiDisk`, `tpm`, `agent`, `display`, `serialConsole`, `bootOrder`, and the options of disks. The result is read " +
    "back after every change.",
  docs,
  stateful: true,
  inputs,
  outputs,
  check: checkVm,
  worker: async () => (await import("../vm/converge-vm.ts")).convergeVm,
});
