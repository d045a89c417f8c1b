import { describe, expect, it } from "@jest/globals";
import type { Inputs } from "./schema.ts";
import { checkVm } from "./check.ts";

const DISK = { storage: "local-lvm", size: "8G" };

/** The violations of a VM, each as a line. */
function check(more: object): string[] {
  const inputs = { connection: {}, disks: {}, extraConfig: {}, ensure: "present", ...more };
  return checkVm(inputs as unknown as Inputs).map(({ path, message }) => `${path}: ${message}`);
}

describe("disks", () => {
  it.each(["scsi0", "scsi30", "virtio15", "sata5", "ide3"])("may be %s", (key) => {
    expect(check({ disks: { [key]: DISK } })).toEqual([]);
  });

  it.each(["scsi31", "virtio16", "sata6", "ide4", "efidisk0", "scsi", "scsi01"])("may not be %s", (key) => {
    expect(check({ disks: { [key]: DISK } })).toEqual([
      `disks.${key}: must be scsi0 to scsi30, virtio0 to virtio15, sata0 to sata5 or ide0 to ide3`,
    ]);
  });

  it.each([
    ["nothing", {}, ["storage: is required", "size: is required without importFrom"]],
    ["a size", { size: "8G" }, ["storage: is required"]],
    ["a storage", { storage: "a" }, ["size: is required without importFrom"]],
    ["a storage and an import", { storage: "a", importFrom: "b:import/c" }, []],
    ["an import", { importFrom: "b:import/c" }, ["storage: is required"]],
  ])("with %s", (_, disk, wanted) => {
    expect(check({ disks: { scsi0: disk } })).toEqual(wanted.map((line) => `disks.scsi0.${line}`));
  });

  it.each([{ clone: { vmid: 100 } }, { ensure: "absent" }])("need nothing with %j", (more) => {
    expect(check({ disks: { scsi0: {} }, ...more })).toEqual([]);
  });
});

describe("slots", () => {
  it.each([
    [{ cdrom: { slot: "ide2" }, cloudInit: { slot: "ide0" }, disks: { ide1: DISK } }, []],
    [{ cdrom: { slot: "ide2" }, cloudInit: { slot: "ide2" } }, ["cloudInit.slot: ide2 is used twice"]],
    [{ cdrom: { slot: "ide1" }, disks: { ide1: DISK } }, ["cdrom.slot: ide1 is used twice"]],
    [{ cloudInit: { slot: "ide1" }, disks: { ide1: DISK } }, ["cloudInit.slot: ide1 is used twice"]],
  ])("%j", (more, wanted) => {
    expect(check(more)).toEqual(wanted);
  });
});

describe("the boot order", () => {
  const devices = {
    disks: { scsi0: DISK },
    cdrom: { slot: "ide2" },
    cloudInit: { slot: "ide0" },
    networks: [{}, {}],
  };
  it("may name all that there is, and what other keys bring", () => {
    const bootOrder = ["scsi0", "ide2", "ide0", "net0", "net1", "usb0", "hostpci0"];
    expect(check({ ...devices, bootOrder })).toEqual([]);
  });

  it("names nothing else", () => {
    expect(check({ networks: [{}], bootOrder: ["net0", "net1", "xusb0"] })).toEqual([
      "bootOrder[1]: there is no net1; the devices are net0",
      "bootOrder[2]: there is no xusb0; the devices are net0",
    ]);
  });

  it.each([{ clone: { vmid: 100 }, networks: [] }, {}])("is not known beforehand with %j", (more) => {
    expect(check({ bootOrder: ["scsi9"], ...more })).toEqual([]);
  });
});

describe("free keys", () => {
  it.each([
    ["hotplug", "disk", undefined],
    ["Hotplug", "disk", "must be a key of `qm set`, such as hotplug"],
    ["cores", "2", "has an input of its own"],
    ["net3", "virtio", "has an input of its own"],
    ["args", "-x", "can be set only by root with a password, not by a token"],
    ["arch", "aarch64", "can be set only by root with a password, not by a token"],
    [
      "hostpci0",
      "0000:01:00.0",
      "can be set only by root with a password, not by a token; use a mapping of the cluster: mapping=NAME",
    ],
    ["hostpci0", "mapping=gpu", undefined],
    ["parallel0", "/dev/parport0", "can be set only by root with a password, not by a token"],
    ["serial1", "/dev/ttyS0", "can be set only by root with a password, not by a token"],
    ["serial1", "socket", undefined],
    ["watchdog", "/x", undefined],
  ])("%s = %s", (key, value, message) => {
    const wanted = message === undefined ? [] : [`extraConfig.${key}: ${message}`];
    expect(check({ extraConfig: { [key]: value } })).toEqual(wanted);
  });
});

describe("combinations", () => {
  const HA = "started: must not be set together with ha, which starts and stops the VM";
  const STATIC = "waitForIp: needs the agent, or a static address in cloudInit";
  it.each([
    [{ ha: { state: "started" } }, []],
    [{ started: true }, []],
    [{ ha: { state: "started" }, started: true }, [HA]],
    [{ waitForIp: {}, agent: true }, []],
    [{ waitForIp: {} }, []],
    [{ agent: false }, []],
    [{ waitForIp: {}, agent: false }, [STATIC]],
    [{ waitForIp: {}, agent: false, cloudInit: { ipv4: "dhcp" } }, [STATIC]],
    [{ waitForIp: {}, agent: false, cloudInit: { ipv4: "192.0.2.1/24" } }, []],
    [{ waitForIp: {}, agent: false, cloudInit: { ipv6: "2001:db8::1/64" } }, []],
    [{ waitForIp: {}, networks: [] }, ["waitForIp: needs a network card"]],
    [{ waitForIp: {}, networks: [{}] }, []],
    [{ networks: [] }, []],
    [{ waitForIp: {}, started: false }, ["waitForIp: needs a running VM"]],
    [{ waitForIp: {}, started: true }, []],
    [{ waitForIp: {}, ha: { state: "stopped" } }, ["waitForIp: needs a running VM"]],
    [{ waitForIp: {}, ha: { state: "started" } }, []],
    [{ waitForHostKey: {} }, []],
    [{ waitForHostKey: {}, agent: false }, ["waitForHostKey: needs the agent"]],
    [{ waitForHostKey: {}, started: false }, ["waitForHostKey: needs a running VM"]],
    [{ started: false }, []],
    [{ efiDisk: {}, bios: "ovmf" }, []],
    [{ efiDisk: {} }, ['efiDisk: needs bios = "ovmf"']],
    [{ efiDisk: {}, clone: { vmid: 100 } }, []],
    [{ clone: { vmid: 100 } }, []],
  ])("%j", (more, wanted) => {
    expect(check(more)).toEqual(wanted);
  });
});

it("also checks the connection", () => {
  expect(check({ connection: { insecure: true, caCertificate: "x" } })).toEqual([
    "connection: must have at most one of tlsFingerprint, caCertificate, insecure",
  ]);
});
