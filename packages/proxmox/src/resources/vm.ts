import { defineResource } from "@nixops4-providers/provider-sdk";
import { checkVm } from "../vm/check.ts";
import { inputs, outputs } from "../vm/schema.ts";
import docs from "./vm.md";

export const vm = defineResource({
  type: "vm",
  description:
    "A virtual machine. Neither it nor a disk is ever destroyed or made again because an input changed: what cannot be changed in " +
    "place is refused, with the reason and the way out. A change is done when it is active; what waits for a power cycle is either " +
    "power cycled (`rebootForChanges`) or an error.\n\nWithout a power cycle change: `name`, `description`, `tags`, `onBoot`, `startup`, " +
    "`protection`, `cpuLimit`, `cloudInit`, `networks`, the ISO of `cdrom`, new `scsi` and `virtio` disks, and the sizes of disks. With " +
    "one: `cores`, `sockets`, `cpuType`, `memory`, `balloon`, `bios`, `machine`, `scsiController`, `efiDisk`, `tpm`, `agent`, `display`, " +
    "`serialConsole`, `bootOrder`, and options of disks. The way it went is read back after every change.",
  docs,
  stateful: true,
  inputs,
  outputs,
  check: checkVm,
  worker: async () => (await import("../vm/converge-vm.ts")).convergeVm,
});
