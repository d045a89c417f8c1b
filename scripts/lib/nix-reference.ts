// Renders docs/reference/{components,nixos-modules}.md from the options in nix/components/*.nix and nix/nixos/*.nix.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root } from "./providers.ts";

interface Option {
  name: string;
  type: string;
  description: string;
  default: string | null;
}

type Component = "network" | "bare-metal-host" | "virtual-machine" | "nixos";

const introductions: Record<Component, string> = {
  network: `A landscaper, which runs nixops4, and the hosts that it installs. Each entry of \`proxmoxMACs\` and \`hosts\` is a
[\`bare-metal-host\`](#bare-metal-host) or, with \`vm.node\`, a [virtual machine](#virtual-machine) on Proxmox VE, with all their options and

- \`role\` (one of the names in \`roles\`, or null, default \`null\`; in \`proxmoxMACs\` \`"proxmox"\`)  
  What the host is for.
- \`module\` (NixOS module)  
  The configuration of this host. The same option as \`nixos.module\`.

\`\`\`nix
proxmoxMACs = {
  host1 = { mac = "52:54:00:12:34:56"; ip = "10.0.0.11"; };
  host2 = { mac = "52:54:00:12:34:57"; ip = "10.0.0.12"; disk.serial = "S64ANS0T123456"; };
};
\`\`\`

Its members are \`state\` ([\`local.state_file\`](local.md#state_file)), \`deploy_key\`
([\`ssh-keypair.keypair\`](ssh-keypair.md#keypair)), one for each host, \`landscaper_cache_key\` if
\`landscaper.cache.url\` is set, and \`landscaper\`, with the members \`login\` and \`nixos\`, if \`landscaper.module\` is set. A host cannot have
one of these names. State and keys are in \`directory\`.`,
  "bare-metal-host": `One machine, from its MAC address to a deployed NixOS system. Its members, in the order in which they are applied:

| member                  | type                                                 |                                                                    |
| ----------------------- | ---------------------------------------------------- | ------------------------------------------------------------------ |
| \`installation_host_key\` | [\`ssh-keypair.keypair\`](ssh-keypair.md#keypair)      | a temporary host key, a new one for each \`installGeneration\`       |
| \`installation_pxe_nbp\`  | [\`pxe-nbp.boot_entry\`](pxe-nbp.md#boot_entry)        | the boot entry of the machine, with its installation job           |
| \`installation\`          | [\`pxe-nbp.installed\`](pxe-nbp.md#installed)          | waits until the machine has installed itself                       |
| \`ssh_host_public_key\`   | [\`ssh.host_key\`](ssh.md#host_key)                    | replaces the temporary host key by the machine's own               |
| \`nixos\`                 | [\`nixos\`](#nixos)                                    | the NixOS system, with rollback                                    |

All inputs of the members can be set, also those without an option here: \`members.nixos.inputs.reboot = "when-needed";\`,
\`members.installation.inputs.timeoutSeconds = 7200;\`.

It also needs [\`state\`](https://nixops.dev): the member that stores the state of its keys (a \`network\` has one). The
machine's name, its address and sshd are added to the NixOS configuration. The configuration must have a boot loader, and either disko
(\`disko.devices\`) or \`diskoScript\`. The default of \`ssh.host\` is \`ip\`.`,
  "virtual-machine": `Makes a host of a [\`network\`](#network) a virtual machine on Proxmox VE ([how to](../how-to/virtual-machines-that-install-themselves.md)).
The component is part of each host, and does nothing unless \`vm.node\` is set. A virtual machine has these members in addition to, or instead of, those of
[\`bare-metal-host\`](#bare-metal-host), in the order in which they are applied:

| member                | type                                   |                                                                                                     |
| --------------------- | -------------------------------------- | --------------------------------------------------------------------------------------------------- |
| \`image\`             | [\`proxmox.image\`](proxmox.md#image)  | with \`vm.installation = "image"\`: the image from which the disk is made                            |
| \`vm\`                | [\`proxmox.vm\`](proxmox.md#vm)        | the virtual machine, after its boot entry or its image                                              |
| \`boot_from_disk\`    | [\`proxmox.vm\`](proxmox.md#vm)        | sets the boot order of the same machine after its installation: it is power cycled, and only boots from disk |
| \`ssh_host_public_key\` | [\`ssh.host_key\`](ssh.md#host_key)    | as for other hosts; one from an image is identified by the key that its guest agent reports |

With \`vm.installation = "image"\`, there is no \`installation_host_key\`, \`installation_pxe_nbp\`, \`installation\` and \`boot_from_disk\`. All inputs of the members can be set, also
those without an option here: \`members.vm.inputs.tags = [ "web" ];\`.

\`nixosModules.proxmox-guest\` is added to the NixOS configuration, and firmware for other hardware is left out. With \`vm.installation = "image"\`, the file systems and
the boot loader of the image (nixpkgs' \`virtualisation/disk-image.nix\`) are added, too, so the configuration must not have its own. The default of \`mac\` is an
address that is derived from \`vm.owner\` and the host's name, and so stays the same when the virtual machine is made again. Set it if another network on the same segment
uses the same names.`,
  nixos: `A host's NixOS configuration, deployed by [\`nixos.system\`](nixos.md#system). It replaces the component
of the same name in nixops4-nixos ([how to migrate](../how-to/migrate.md)). All inputs of
\`nixos.system\` can be set, also those without an option here: \`inputs.healthChecks = [ { tcp.port = 443; } ];\`, \`inputs.rollback.enable = false;\`.`,
};

/** The types that have a section in the reference, by the name that Nix gives them. */
const typeNames: [RegExp, string][] = [
  [/attribute-tagged union with choices: command, env, file, value/, "[SecretRef](ssh.md#secretref)"],
  [/list of \\?\(submodule\\?\)/, "list of objects"],
  [/^submodule$/, "[Server](pxe-nbp.md#server)"],
  [/lazy attribute set of/, "attribute set of"],
  [/raw value/, "any value"],
  [/16 bit unsigned integer; between 0 and 65535 \(both inclusive\)/, "integer from 0 to 65535"],
];

/**
 * Returns the pages by name; `undefined` without Nix or the sources of nixops4 and nixpkgs' lib, which rendering needs.
 */
export function nixReference(): Record<string, string> | undefined {
  const hasSources = ["NIXOPS4_SOURCE", "NIXPKGS_LIB_SOURCE"].every(
    (name) => (process.env[name] ?? "") !== "",
  );
  const hasNix = spawnSync("nix-instantiate", ["--version"]).error === undefined;
  if (!hasSources || !hasNix) return undefined;
  return { "components.md": componentReference(), "nixos-modules.md": nixosModuleReference() };
}

function componentReference(): string {
  const names = Object.keys(introductions) as Component[];
  const list = names.map((name) => JSON.stringify(name)).join(" ");
  const options = optionsOf<Component>(
    `with import ${join(root, "nix", "tests")}; lib.genAttrs [ ${list} ] componentOptions`,
  );
  return [
    "<!-- Generated by `npm run gen` from nix/components: change that. -->",
    "# The components",
    "Modules of class `nixops4Component`: `nixops4-providers.modules.nixops4Component.<name>`.",
    ...names.flatMap((name) => [
      `## ${name}`,
      introductions[name],
      "### Options",
      options[name]
        .filter((option) => isOwn(name, option))
        .map(renderOption)
        .join("\n"),
    ]),
    "",
  ].join("\n\n");
}

function nixosModuleReference(): string {
  const options = optionsOf<"landscaper" | "installer">(
    `(import ${join(root, "nix", "tests", "nixos-modules.nix")} { }).options`,
  );
  return [
    "<!-- Generated by `npm run gen` from nix/nixos: change that. -->",
    "# The NixOS modules",
    "## landscaper",
    "`nixops4-providers.nixosModules.landscaper`: the server from which the others are installed, with the boot service, dnsmasq for DHCP " +
      "or proxyDHCP, a binary cache for the installers, and nixops4 with the command `nixops4-apply`.",
    "### Options",
    options.landscaper.map(renderOption).join("\n"),
    "## installer",
    "`nixops4-providers.nixosModules.installer`: the netboot image that installs a machine. It is the same for all machines: its job " +
      "comes with [the boot entry](../protocols/install-job.md).",
    "### Options",
    options.installer.map(renderOption).join("\n"),
    "## landscaper-iso",
    "`nixops4-providers.nixosModules.landscaper-iso`: the image that installs a landscaper. It has no options of its own.",
    "## proxmox-guest",
    "`nixops4-providers.nixosModules.proxmox-guest`: the configuration for a virtual machine of the provider [`proxmox`](proxmox.md): the guest agent " +
      "(`services.qemuGuest`), a serial console for `qm terminal`, the drivers of its disks and network cards in the initial ramdisk, and a root " +
      "partition and file system that grow with the disk. It has no options of its own. Hosts of a " +
      "[`network`](components.md#virtual-machine) that are virtual machines include this module.",
    "",
  ].join("\n\n");
}

function optionsOf<Name extends string>(expression: string): Record<Name, Option[]> {
  const args = ["--eval", "--strict", "--json", "--expr", expression];
  const { status, stdout, stderr } = spawnSync("nix-instantiate", args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`the options cannot be evaluated: ${stderr}`);
  return JSON.parse(stdout) as Record<Name, Option[]>;
}

/** Returns whether an option is documented here, and not with a type or component that has its own reference. */
function isOwn(component: Component, { name }: Option): boolean {
  if (component === "virtual-machine" && !name.startsWith("vm.")) return false;
  return !/^(ssh\.jump\.|server\.|vm\.connection\.)/.test(name);
}

function renderOption({ name, type, description, default: value }: Option): string {
  const typeName = typeNames.reduce(
    (text, [pattern, replacement]) => text.replace(pattern, replacement),
    type,
  );
  const oneLine = value?.replace(/\s*\n\s*/g, " ") ?? null;
  const code = value !== null && !/[a-z] [a-z]/i.test(value) && !value.includes("`");
  const note = value === null ? "**required**" : `default ${code ? `\`${oneLine}\`` : oneLine}`;
  const text = description.trim().replace(/\s*\n\s*/g, " ");
  return `- \`${name}\` (${typeName}, ${note})  \n  ${text}`;
}
