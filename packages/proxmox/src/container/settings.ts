import { flag, parseProps, printProps } from "../client/property-string.ts";
import type { Wanted } from "../guest/changes.ts";
import type { GuestRun } from "../guest/guest-run.ts";
import { commonSettings, resolverSettings } from "../guest/common-settings.ts";
import { descriptionSetting, optional, propsSetting, type Setting } from "../guest/setting.ts";
import { wantedFrom } from "../guest/wanted.ts";
import { readVolume, toGib, toMib, type Volume } from "../guest/volume.ts";
import type { Inputs } from "./schema.ts";

export type Run = GuestRun<Inputs>;

/** Returns what the inputs of a container ask for. */
export function wantedOf({ inputs, previous = {} }: Run): Wanted {
  const settings = [...settingsOf(inputs), descriptionSetting(inputs, previous)];
  // A container always has a root file system.
  const volumes = volumesOf(previous).filter(({ key }) => key !== "rootfs");
  return wantedFrom(
    { settings, volumes: volumesOf(inputs) },
    { settings: settingsOf(previous), volumes },
    inputs.tags?.length === 0 ? ["tags"] : [],
    inputs.detachRemovedDisks,
  );
}

export function settingsOf(inputs: Partial<Inputs>): Setting[] {
  const { networks = [], nesting } = inputs;
  return [
    ...commonSettings("hostname", inputs),
    optional("memory", "memory", inputs.memory),
    optional("swap", "swap", inputs.swap),
    ...resolverSettings("", inputs),
    nesting === undefined
      ? undefined
      : propsSetting({
          key: "features",
          path: "nesting",
          defaultKey: "",
          managed: { nesting: flag(nesting) },
          defaults: { nesting: "0" },
        }),
    ...networks.map(networkSetting),
  ].filter((setting) => setting !== undefined);
}

type Network = NonNullable<Inputs["networks"]>[number];

function networkSetting(network: Network, index: number): Setting {
  const { name, bridge, mac, vlan, firewall } = network;
  const path = `networks[${index}]`;
  const setting = propsSetting({
    key: `net${index}`,
    path,
    defaultKey: "",
    defaults: { firewall: "0", type: "veth" },
    kept: ["hwaddr"],
    managed: {
      name,
      bridge,
      // A MAC address that Proxmox VE generated stays.
      ...(mac === undefined ? {} : { hwaddr: mac.toUpperCase() }),
      tag: vlan?.toString(),
      firewall: firewall ? "1" : undefined,
      ip: network.ipv4,
      gw: network.gateway4,
      ip6: network.ipv6,
      gw6: network.gateway6,
      type: "veth",
    },
  });
  return { ...setting, uses: { bridges: [{ bridge, path: `${path}.bridge` }] } };
}

export function volumesOf({ rootDisk, mountPoints = {} }: Partial<Inputs>): Volume[] {
  return [
    ...(rootDisk === undefined ? [] : [volume("rootfs", "rootDisk", rootDisk, {})]),
    ...Object.entries(mountPoints).map(([key, { path, backup, ...disk }]) =>
      volume(key, `mountPoints.${key}`, disk, { mp: path, backup: backup ? "1" : "0" }),
    ),
  ];
}

function volume(
  key: string,
  path: string,
  { storage, size }: { storage: string; size: string },
  managed: Record<string, string>,
): Volume {
  return {
    key,
    path,
    storage,
    initial: printProps({ volume: `${storage}:${toGib(toMib(size))}`, ...managed }, "volume"),
    options: propsSetting({
      key,
      path,
      defaultKey: "volume",
      managed,
      defaults: { backup: "0" },
      read: (text) => readVolume(text, "volume"),
    }),
    sizeMib: toMib(size),
    isImport: false,
    fixed: {},
    uses: { storages: [{ storage, content: "rootdir", path: `${path}.storage` }] },
  };
}

export function macOf(text: string): string {
  return parseProps(text, "")["hwaddr"]?.toLowerCase() ?? "";
}
