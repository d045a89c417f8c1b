import { flag, parseProps, type Props } from "../client/property-string.ts";
import { commonSettings, resolverSettings } from "../guest/common-settings.ts";
import { isAssumed, optional, propsSetting, scalar, type Setting } from "../guest/setting.ts";
import { usesOfFile } from "../guest/uses.ts";
import type { Inputs } from "./schema.ts";

/** Inputs of this run, or of the previous run, which may lack some. */
export type SomeInputs = Partial<Inputs>;

const MODELS = ["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"];

/** Adds the defaults of a new VM. A clone has the values of its template instead. */
export function withDefaults(inputs: Inputs): Inputs {
  if (inputs.clone !== undefined) return inputs;
  return {
    ...inputs,
    cores: inputs.cores ?? 1,
    sockets: inputs.sockets ?? 1,
    cpuType: inputs.cpuType ?? "x86-64-v2-AES",
    memory: inputs.memory ?? 2048,
    bios: inputs.bios ?? "seabios",
    osType: inputs.osType ?? "l26",
    scsiController: inputs.scsiController ?? "virtio-scsi-single",
    serialConsole: inputs.serialConsole ?? true,
    agent: inputs.agent ?? true,
  };
}

/** Returns the keys that the inputs set, without those of disks. */
export function settingsOf(inputs: SomeInputs): Setting[] {
  return [
    ...simpleSettings(inputs),
    ...firmwareSettings(inputs),
    ...(inputs.networks ?? []).map(networkSetting),
    ...cdromSettings(inputs),
    ...cloudInitSettings(inputs),
    ...Object.entries(inputs.extraConfig ?? {}).map(([key, value]) => freeSetting(key, value)),
  ];
}

function simpleSettings(inputs: SomeInputs): Setting[] {
  const { bootOrder, serialConsole } = inputs;
  return [
    ...commonSettings("name", inputs),
    isAssumed("1", optional("sockets", "sockets", inputs.sockets)),
    optional("balloon", "balloon", inputs.balloon),
    optional("scsihw", "scsiController", inputs.scsiController),
    optional("serial0", "serialConsole", serialConsole === true ? "socket" : undefined),
    optional("boot", "bootOrder", bootOrder === undefined ? undefined : `order=${bootOrder.join(";")}`),
  ].filter((setting) => setting !== undefined);
}

function firmwareSettings({ bios, machine, cpuType, memory, display, agent }: SomeInputs): Setting[] {
  const byType = (key: string, path: string, name: string, text: string | undefined, defaults: Props = {}) =>
    text === undefined
      ? []
      : [
          {
            ...propsSetting({ key, path, defaultKey: name, managed: parseProps(text, name), defaults }),
            ...(defaults[name] !== undefined && { absent: defaults[name] }),
          },
        ];
  return [
    ...(bios === undefined ? [] : [{ ...scalar("bios", "bios", bios), absent: "seabios" }]),
    ...byType("machine", "machine", "type", machine),
    ...byType("cpu", "cpuType", "cputype", cpuType),
    ...byType("memory", "memory", "current", memory?.toString()),
    ...byType("vga", "display", "type", display, { type: "std" }),
    ...byType("agent", "agent", "enabled", flag(agent), { enabled: "0" }),
  ];
}

/** A key of extraConfig. The order of its properties does not matter. */
function freeSetting(key: string, value: string): Setting {
  const setting = scalar(key, `extraConfig.${key}`, value);
  if (!value.includes("=")) return setting;
  const sorted = (text: string) => text.split(",").toSorted().join(",");
  return { ...setting, isSame: (existing) => sorted(existing) === sorted(value) };
}

type Network = NonNullable<Inputs["networks"]>[number];

function networkSetting(network: Network, index: number): Setting {
  const { bridge, mac, rateMegabytes, vlan, mtu, firewall, linkDown } = network;
  const path = `networks[${index}]`;
  const setting = propsSetting({
    key: `net${index}`,
    path,
    defaultKey: "model",
    read: readNetwork,
    defaults: { firewall: "0", link_down: "0" },
    kept: ["macaddr"],
    managed: {
      model: network.model,
      // A MAC address that Proxmox VE generated stays.
      ...(mac === undefined ? {} : { macaddr: mac.toUpperCase() }),
      bridge,
      tag: vlan?.toString(),
      firewall: firewall ? "1" : undefined,
      link_down: linkDown ? "1" : undefined,
      mtu: mtu?.toString(),
      rate: rateMegabytes?.toString(),
    },
  });
  return { ...setting, uses: { bridges: [{ bridge, path: `${path}.bridge` }] } };
}

/** Parses a network card, which Proxmox VE returns as `virtio=MAC,bridge=…`. */
export function readNetwork(text: string): Props {
  const props = parseProps(text, "model");
  const model = MODELS.find((one) => props[one] !== undefined);
  if (model === undefined) return props;
  const { [model]: mac = "", ...rest } = props;
  return { model, macaddr: mac.toUpperCase(), ...rest };
}

function cdromSettings({ cdrom }: SomeInputs): Setting[] {
  if (cdrom === undefined) return [];
  const text = `${cdrom.image ?? "none"},media=cdrom`;
  const file = (value: string) => parseProps(value, "file")["file"];
  return [
    {
      key: cdrom.slot,
      path: "cdrom",
      initial: text,
      merge: () => text,
      isSame: (existing) => file(existing) === file(text),
      uses: cdrom.image === undefined ? {} : usesOfFile(cdrom.image, "iso", "cdrom.image"),
    },
  ];
}

function cloudInitSettings({ cloudInit }: SomeInputs): Setting[] {
  if (cloudInit === undefined) return [];
  const { storage, slot, user, sshKeys, upgrade } = cloudInit;
  const drive = `${storage}:cloudinit,media=cdrom`;
  const isOurs = (existing: string) => existing.startsWith(`${storage}:`) && existing.includes("cloudinit");
  const ipconfig = ipConfigOf(cloudInit);
  return [
    {
      key: slot,
      path: "cloudInit",
      initial: drive,
      merge: () => drive,
      isSame: isOurs,
      uses: { storages: [{ storage, content: "images", path: "cloudInit.storage" }] },
    },
    optional("ciuser", "cloudInit.user", user),
    sshKeys === undefined || sshKeys.length === 0 ? undefined : sshKeysSetting(sshKeys),
    ipconfig === ""
      ? undefined
      : propsSetting({
          key: "ipconfig0",
          path: "cloudInit",
          defaultKey: "",
          managed: parseProps(ipconfig, ""),
        }),
    ...resolverSettings("cloudInit.", cloudInit),
    optional("ciupgrade", "cloudInit.upgrade", upgrade),
  ].filter((setting) => setting !== undefined);
}

function ipConfigOf({ ipv4, gateway4, ipv6, gateway6 }: NonNullable<Inputs["cloudInit"]>): string {
  return [
    ipv4 === undefined ? "" : `ip=${ipv4}`,
    gateway4 === undefined ? "" : `gw=${gateway4}`,
    ipv6 === undefined ? "" : `ip6=${ipv6}`,
    gateway6 === undefined ? "" : `gw6=${gateway6}`,
  ]
    .filter((part) => part !== "")
    .join(",");
}

/** Proxmox VE stores SSH keys URL-encoded. */
function sshKeysSetting(keys: readonly string[]): Setting {
  const plain = keys.map((key) => key.trim()).join("\n");
  const text = encodeURIComponent(plain).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return {
    key: "sshkeys",
    path: "cloudInit.sshKeys",
    initial: text,
    merge: () => text,
    isSame: (existing) => decode(existing).trim() === plain,
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
