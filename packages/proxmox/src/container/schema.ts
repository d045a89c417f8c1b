import { ensureField, fields, type Static, Type } from "@nixops4-providers/provider-sdk";
import {
  addressFields,
  cardFields,
  guestFields,
  guestOutputs,
  resolverFields,
  sizeField,
  storageField,
  waitForIpField,
} from "../common-fields.ts";

const network = fields(
  {
    name: Type.String({
      pattern: "^[a-z][a-z0-9._-]{0,14}$",
      patternError: "must be the name of an interface, such as eth0",
      default: "eth0",
      description: "The name of the interface in the container.",
    }),
    ...cardFields,
    ...addressFields({ manual: true }),
  },
  { title: "ContainerNetwork", description: "A network interface." },
);

export const inputs = fields({
  ...guestFields,
  template: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]:[^ \\n,]+$",
      patternError: "must be the ID of a volume, such as local:vztmpl/debian.tar.zst",
      description:
        "The template to create a new container from, such as the output `volumeId` of an `image`. It has no effect on an existing container.",
    }),
  ),
  rootDisk: Type.Optional(
    fields(
      {
        storage: storageField("The storage of the volume. It is not moved to another storage."),
        size: sizeField("The size, such as `8G`. A volume grows and never shrinks."),
      },
      { title: "RootDisk", description: "The root file system. Required for a new container." },
    ),
  ),
  mountPoints: Type.Record(
    Type.String(),
    fields(
      {
        storage: storageField("The storage of the volume. It is not moved to another storage."),
        size: sizeField("The size, such as `8G`. A volume grows and never shrinks."),
        path: Type.String({
          pattern: "^/[^,]*$",
          patternError: "must be a path, such as /srv",
          description: "The path where the volume is mounted.",
        }),
        backup: Type.Boolean({ default: false, description: "Whether backups contain the volume." }),
      },
      { title: "MountPoint", description: "A volume and where it is mounted." },
    ),
    { default: {}, description: "More volumes, by key: `mp0` to `mp30`." },
  ),
  detachRemovedDisks: Type.Boolean({
    default: false,
    description:
      "Whether a volume that was removed from `mountPoints` is detached. Its data stays, as an unused volume. Without it, that is an error.",
  }),
  cores: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 8192,
      description: "The number of cores that the container sees. When not set, all of the node.",
    }),
  ),
  cpuLimit: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 8192,
      description: "The limit of CPU usage in cores, such as 1.5; 0 means no limit.",
    }),
  ),
  memory: Type.Optional(
    Type.Integer({ minimum: 16, description: "The memory in MiB. A new container has 512." }),
  ),
  swap: Type.Optional(Type.Integer({ minimum: 0, description: "The swap in MiB. A new container has 512." })),
  networks: Type.Optional(
    Type.Array(network, { maxItems: 32, description: "The network interfaces, `net0` first." }),
  ),
  ...resolverFields,
  sshKeys: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description:
      "The public SSH keys that may log in as root. They are written at creation and have no effect later.",
  }),
  unprivileged: Type.Boolean({
    default: true,
    description: "Whether root in the container is an ordinary user on the node. It cannot be changed later.",
  }),
  nesting: Type.Optional(
    Type.Boolean({
      description:
        "Whether the container may run containers. NixOS and other systems with a recent systemd need it.",
    }),
  ),
  osType: Type.Optional(
    Type.Enum(
      ["debian", "ubuntu", "nixos", "alpine", "archlinux", "centos", "fedora", "opensuse", "unmanaged"],
      {
        description:
          "The operating system, which decides how Proxmox VE configures the container. When not set, it is detected from the template.",
      },
    ),
  ),
  waitForIp: waitForIpField(
    "ContainerWaitForIp",
    "Whether to wait until the first network interface has an address.",
    60,
  ),
  ensure: ensureField("the container"),
});

export const outputs = fields(guestOutputs);

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;
