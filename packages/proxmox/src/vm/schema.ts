import {
  ensureField,
  fields,
  nullable,
  type Static,
  Type,
  secondsField,
} from "@nixops4-providers/provider-sdk";
import {
  addressFields,
  cardFields,
  guestFields,
  guestOutputs,
  nodeField,
  resolverFields,
  sizeField,
  storageField,
  waitForIpField,
} from "../common-fields.ts";

const volumeId = Type.String({
  pattern: "^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]:[^ \\n,]+$",
  patternError: "must be the ID of a volume, such as local:iso/debian.iso",
});

const disk = fields(
  {
    storage: Type.Optional(
      storageField(
        "The storage of the disk. A disk is not moved to another storage. Optional for a disk that a template has.",
      ),
    ),
    size: Type.Optional(
      sizeField(
        "The size, such as `32G`. A disk grows and never shrinks. For an import, at least the size of the image.",
      ),
    ),
    importFrom: Type.Optional({
      ...volumeId,
      description:
        "The volume to create a new disk from, such as the output `volumeId` of an `image`. It has no effect on an existing disk.",
    }),
    discard: Type.Optional(
      Type.Boolean({ description: "Whether blocks that the guest discards are freed on the storage." }),
    ),
    ssd: Type.Optional(
      Type.Boolean({ description: "Whether the disk is presented to the guest as an SSD." }),
    ),
    ioThread: Type.Optional(Type.Boolean({ description: "Whether the disk has an I/O thread of its own." })),
    backup: Type.Optional(Type.Boolean({ description: "Whether backups contain the disk." })),
    cache: Type.Optional(
      Type.Enum(["none", "writethrough", "writeback", "unsafe", "directsync"], {
        description: "The cache mode.",
      }),
    ),
  },
  { title: "Disk", description: "A disk of a VM." },
);

const network = fields(
  {
    ...cardFields,
    model: Type.Enum(["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"], {
      default: "virtio",
      description: "The model of the card.",
    }),
    mtu: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 65520,
        description: "The MTU in bytes; 1 takes that of the bridge.",
      }),
    ),
    rateMegabytes: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: "The rate limit in megabytes per second." }),
    ),
    linkDown: Type.Boolean({
      default: false,
      description: "Whether the link is down, as with an unplugged cable.",
    }),
  },
  { title: "Network", description: "A network card." },
);

const cloudInit = fields(
  {
    storage: storageField("The storage of the cloud-init drive."),
    slot: Type.String({
      pattern: "^(ide[0-3]|sata[0-5]|scsi([0-9]|[12][0-9]|30))$",
      patternError: "must be a slot, such as ide0",
      default: "ide0",
      description: "The slot of the cloud-init drive.",
    }),
    user: Type.Optional(
      Type.String({ minLength: 1, description: "The user that `sshKeys` are installed for." }),
    ),
    sshKeys: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), { description: "The public SSH keys that may log in." }),
    ),
    ...addressFields({ manual: false }),
    ...resolverFields,
    upgrade: Type.Optional(
      Type.Boolean({ description: "Whether the guest upgrades its packages at the first boot." }),
    ),
  },
  {
    title: "CloudInit",
    description:
      "What cloud-init configures in the guest. There is no password, since it could not be read back.",
  },
);

export const inputs = fields({
  ...guestFields,
  cores: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 8192,
      description: "The number of cores per socket. A new VM has 1.",
    }),
  ),
  sockets: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 8, description: "The number of CPU sockets. A new VM has 1." }),
  ),
  cpuType: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9_-]+(,[a-z-]+=[^, \\n]+)*$",
      patternError: "must be a CPU type, such as host",
      description: "The CPU type, such as `host`. A new VM has `x86-64-v2-AES`.",
    }),
  ),
  cpuLimit: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 128,
      description: "The limit of CPU usage in cores, such as 1.5; 0 means no limit.",
    }),
  ),
  memory: Type.Optional(Type.Integer({ minimum: 16, description: "The memory in MiB. A new VM has 2048." })),
  balloon: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: "The minimum memory in MiB that ballooning leaves to the VM; 0 disables ballooning.",
    }),
  ),
  bios: Type.Optional(
    Type.Enum(["seabios", "ovmf"], { description: "The firmware: BIOS or UEFI. A new VM has `seabios`." }),
  ),
  machine: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9.+_-]+(,[a-z0-9-]+=[^, \\n]+)*$",
      patternError: "must be a machine type, such as q35",
      description: "The machine type, such as `q35`.",
    }),
  ),
  osType: Type.Optional(
    Type.Enum(["l26", "win11", "win10", "other"], {
      description: "The operating system of the guest. A new VM has `l26` (Linux).",
    }),
  ),
  scsiController: Type.Optional(
    Type.Enum(["virtio-scsi-single", "virtio-scsi-pci", "lsi", "megasas", "pvscsi"], {
      description: "The controller of `scsi` disks. A new VM has `virtio-scsi-single`.",
    }),
  ),
  efiDisk: Type.Optional(
    fields(
      {
        storage: storageField("The storage of the EFI variables."),
        preEnrolledKeys: Type.Boolean({
          default: false,
          description:
            "Whether the Secure Boot keys of distributions and of Microsoft are enrolled at creation.",
        }),
      },
      {
        title: "EfiDisk",
        description: 'The EFI variables of `bios = "ovmf"`. They can be added to an existing VM.',
      },
    ),
  ),
  tpm: Type.Optional(
    fields(
      {
        storage: storageField("The storage of its state."),
        version: Type.Enum(["v2.0", "v1.2"], { default: "v2.0", description: "The version of the TPM." }),
      },
      { title: "Tpm", description: "A TPM. It can be added to an existing VM." },
    ),
  ),
  disks: Type.Record(Type.String(), disk, {
    default: {},
    description:
      "The disks by slot: `scsi0` to `scsi30`, `virtio0` to `virtio15`, `sata0` to `sata5`, `ide0` to `ide3`. Other disks of the VM " +
      "are left alone. To remove a disk, see `detachRemovedDisks`.",
  }),
  detachRemovedDisks: Type.Boolean({
    default: false,
    description:
      "Whether a disk that was removed from `disks` is detached. Its data stays, as an unused disk of the VM. Without it, that is an error.",
  }),
  cdrom: Type.Optional(
    fields(
      {
        image: Type.Optional({
          ...volumeId,
          description: "The ISO image, such as `local:iso/debian.iso`. When not set, the drive is empty.",
        }),
        slot: Type.String({
          pattern: "^(ide[0-3]|sata[0-5])$",
          patternError: "must be a slot, such as ide2",
          default: "ide2",
          description: "The slot of the drive.",
        }),
      },
      { title: "Cdrom", description: "A CD-ROM drive." },
    ),
  ),
  networks: Type.Optional(
    Type.Array(network, { maxItems: 32, description: "The network cards, `net0` first." }),
  ),
  bootOrder: Type.Optional(
    Type.Array(
      Type.String({ pattern: "^[a-z]+[0-9]+$", patternError: "must be a device, such as scsi0 or net0" }),
      {
        description:
          'The devices to boot from in order, such as `[ "scsi0" "net0" ]`: from the disk, and over the network (PXE) while the disk is empty.',
      },
    ),
  ),
  serialConsole: Type.Optional(
    Type.Boolean({
      description: "Whether the VM has the serial port `serial0`, for `qm terminal`. A new VM has it.",
    }),
  ),
  display: Type.Optional(
    Type.Enum(["std", "virtio", "qxl", "serial0", "none"], {
      description: "The graphics card. With `serial0`, the console is on the serial port.",
    }),
  ),
  agent: Type.Optional(
    Type.Boolean({
      description:
        "Whether Proxmox VE uses the QEMU guest agent (NixOS: `services.qemuGuest.enable = true`). In a new VM, it does.",
    }),
  ),
  cloudInit: Type.Optional(cloudInit),
  ha: Type.Optional(
    fields(
      {
        state: Type.Enum(["started", "stopped", "ignored", "disabled"], {
          default: "started",
          description: "The state that the cluster maintains.",
        }),
        maxRestart: Type.Integer({
          minimum: 0,
          default: 1,
          description: "How often to restart the VM on its node after a failure.",
        }),
        maxRelocate: Type.Integer({
          minimum: 0,
          default: 1,
          description: "How often to move the VM to another node after that.",
        }),
      },
      {
        title: "HighAvailability",
        description: "High availability. It starts and stops the VM, so `started` must not be set.",
      },
    ),
  ),
  clone: Type.Optional(
    fields(
      {
        vmid: Type.Integer({
          minimum: 100,
          maximum: 999_999_999,
          description: "The ID of the template or VM to clone.",
        }),
        node: Type.Optional(nodeField("The node of the template. When not set, all nodes are searched.")),
        full: Type.Boolean({
          default: true,
          description:
            "Whether the disks are copied. `false` creates a linked clone, which keeps using the disks of the template.",
        }),
        storage: Type.Optional(
          storageField(
            "The storage for all copied disks. When not set, each stays on its storage in the template.",
          ),
        ),
      },
      {
        title: "Clone",
        description:
          "The template or VM to clone a new VM from. Only the inputs that are set are changed in the clone. It has no effect on an existing VM.",
      },
    ),
  ),
  extraConfig: Type.Record(Type.String(), Type.String(), {
    default: {},
    description:
      'Other keys of the configuration, in the format of `qm set`, such as `{ hotplug = "disk,network,usb"; numa = "1"; }`.',
  }),
  waitForIp: waitForIpField(
    "WaitForIp",
    "Whether to wait until the guest agent reports an address of the first network card, which is found by its MAC address. " +
      "Without the agent, the static address of `cloudInit` is used.",
    300,
  ),
  waitForHostKey: Type.Optional(
    fields(
      {
        file: Type.String({
          pattern: "^/[^ \\n]*[.]pub$",
          patternError:
            "must be the absolute path of a public key, such as /etc/ssh/ssh_host_ed25519_key.pub",
          default: "/etc/ssh/ssh_host_ed25519_key.pub",
          description: "The path of the public key in the guest.",
        }),
        timeoutSeconds: secondsField("How many seconds to wait.", { default: 300 }),
      },
      {
        title: "WaitForHostKey",
        description:
          "Whether to wait until the guest has an SSH host key, and to read its public half through the guest agent. The token needs " +
          "the privilege VM.GuestAgent.FileRead (on Proxmox VE 8, VM.Monitor).",
      },
    ),
  ),
  ensure: ensureField("the VM"),
});

export const outputs = fields({
  ...guestOutputs,
  hostPublicKey: nullable(Type.String(), {
    description:
      "The public SSH host key of the guest, for `hostPublicKeys` of a connection; `null` without `waitForHostKey`.",
  }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;
