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
      storageField("The storage that it is on. It is not moved; may be left out for a disk of the template."),
    ),
    size: Type.Optional(
      sizeField(
        "The size, such as `32G`. It grows, and never shrinks. Of an import, at least that of the image.",
      ),
    ),
    importFrom: Type.Optional({
      ...volumeId,
      description:
        "A volume that a new disk is made from, as the output `volumeId` of an `image`. Later it means nothing.",
    }),
    discard: Type.Optional(
      Type.Boolean({ description: "Whether blocks that the guest frees are freed on the storage." }),
    ),
    ssd: Type.Optional(Type.Boolean({ description: "Whether the guest sees an SSD." })),
    ioThread: Type.Optional(Type.Boolean({ description: "Whether the disk has a thread of its own." })),
    backup: Type.Optional(Type.Boolean({ description: "Whether backups contain it." })),
    cache: Type.Optional(
      Type.Enum(["none", "writethrough", "writeback", "unsafe", "directsync"], {
        description: "How it is cached.",
      }),
    ),
  },
  { title: "Disk", description: "A disk." },
);

const network = fields(
  {
    ...cardFields,
    model: Type.Enum(["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"], {
      default: "virtio",
      description: "The model of the card.",
    }),
    mtu: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 65520, description: "The MTU; 1 is that of the bridge." }),
    ),
    rateMegabytes: Type.Optional(
      Type.Number({ exclusiveMinimum: 0, description: "The most megabytes a second." }),
    ),
    linkDown: Type.Boolean({ default: false, description: "Whether the cable is unplugged." }),
  },
  { title: "Network", description: "A network card." },
);

const cloudInit = fields(
  {
    storage: storageField("The storage for the drive with the settings."),
    slot: Type.String({
      pattern: "^(ide[0-3]|sata[0-5]|scsi([0-9]|[12][0-9]|30))$",
      patternError: "must be as ide0",
      default: "ide0",
      description: "Where the drive is.",
    }),
    user: Type.Optional(Type.String({ minLength: 1, description: "The user that gets the keys." })),
    sshKeys: Type.Optional(
      Type.Array(Type.String({ minLength: 1 }), { description: "Public keys that may log in." }),
    ),
    ...addressFields({ manual: false }),
    ...resolverFields,
    upgrade: Type.Optional(
      Type.Boolean({ description: "Whether the guest upgrades its packages at its first boot." }),
    ),
  },
  {
    title: "CloudInit",
    description: "What cloud-init sets up in the guest. A password cannot be read back, so there is none.",
  },
);

export const inputs = fields({
  ...guestFields,
  cores: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 8192, description: "The cores of each socket. A new VM has 1." }),
  ),
  sockets: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 8, description: "The sockets. A new VM has 1." }),
  ),
  cpuType: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9_-]+(,[a-z-]+=[^, \\n]+)*$",
      patternError: "must be a type of CPU, such as host",
      description: "The type of CPU, such as `host`. A new VM has `x86-64-v2-AES`.",
    }),
  ),
  cpuLimit: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 128,
      description: "How many cores it may use in all, such as 1.5; 0 is no limit.",
    }),
  ),
  memory: Type.Optional(Type.Integer({ minimum: 16, description: "The memory in MiB. A new VM has 2048." })),
  balloon: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: "The least memory in MiB that ballooning leaves; 0 turns ballooning off.",
    }),
  ),
  bios: Type.Optional(
    Type.Enum(["seabios", "ovmf"], { description: "The firmware: BIOS or UEFI. A new VM has `seabios`." }),
  ),
  machine: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9.+_-]+(,[a-z0-9-]+=[^, \\n]+)*$",
      patternError: "must be a type of machine, such as q35",
      description: "The type of machine, such as `q35`.",
    }),
  ),
  osType: Type.Optional(
    Type.Enum(["l26", "win11", "win10", "other"], { description: "The guest's system. A new VM has `l26`." }),
  ),
  scsiController: Type.Optional(
    Type.Enum(["virtio-scsi-single", "virtio-scsi-pci", "lsi", "megasas", "pvscsi"], {
      description: "The controller of `scsi` disks. A new VM has `virtio-scsi-single`.",
    }),
  ),
  efiDisk: Type.Optional(
    fields(
      {
        storage: storageField("The storage that it is on."),
        preEnrolledKeys: Type.Boolean({
          default: false,
          description:
            "Whether it has the keys of distributions and of Microsoft for Secure Boot. Means something when it is made.",
        }),
      },
      {
        title: "EfiDisk",
        description: 'Where `bios = "ovmf"` keeps its variables. It can be added to a VM that is there.',
      },
    ),
  ),
  tpm: Type.Optional(
    fields(
      {
        storage: storageField("The storage that its state is on."),
        version: Type.Enum(["v2.0", "v1.2"], { default: "v2.0", description: "The version." }),
      },
      { title: "Tpm", description: "A TPM. It can be added to a VM that is there." },
    ),
  ),
  disks: Type.Record(Type.String(), disk, {
    default: {},
    description:
      "The disks, by where they are: `scsi0` to `scsi30`, `virtio0` to `virtio15`, `sata0` to `sata5`, `ide0` to `ide3`. A disk that is " +
      "not here is left alone; to take away one that was here, see `detachRemovedDisks`.",
  }),
  detachRemovedDisks: Type.Boolean({
    default: false,
    description:
      "Whether a disk that is no longer in `disks` is detached. Its data stays, as an unused disk of the VM. Without, that is an error.",
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
          patternError: "must be as ide2",
          default: "ide2",
          description: "Where the drive is.",
        }),
      },
      { title: "Cdrom", description: "A CD-ROM drive." },
    ),
  ),
  networks: Type.Optional(
    Type.Array(network, { maxItems: 32, description: "The network cards, `net0` first." }),
  ),
  bootOrder: Type.Optional(
    Type.Array(Type.String({ pattern: "^[a-z]+[0-9]+$", patternError: "must be as scsi0 or net0" }), {
      description:
        'What to boot from, such as `[ "scsi0" "net0" ]`: with `net0`, the disk is tried first and PXE when it is empty.',
    }),
  ),
  serialConsole: Type.Optional(
    Type.Boolean({
      description: "Whether there is a serial port, `serial0`, for `qm terminal`. A new VM has one.",
    }),
  ),
  display: Type.Optional(
    Type.Enum(["std", "virtio", "qxl", "serial0", "none"], {
      description: "The graphics card, or where the console goes.",
    }),
  ),
  agent: Type.Optional(
    Type.Boolean({
      description:
        "Whether the QEMU guest agent is used (NixOS: `services.qemuGuest.enable = true`). A new VM has it on.",
    }),
  ),
  cloudInit: Type.Optional(cloudInit),
  ha: Type.Optional(
    fields(
      {
        state: Type.Enum(["started", "stopped", "ignored", "disabled"], {
          default: "started",
          description: "What the cluster sees to.",
        }),
        maxRestart: Type.Integer({
          minimum: 0,
          default: 1,
          description: "How often it is restarted on its node when it fails.",
        }),
        maxRelocate: Type.Integer({
          minimum: 0,
          default: 1,
          description: "To how many nodes it is then moved.",
        }),
      },
      {
        title: "HighAvailability",
        description: "High availability. It decides whether the VM runs, so `started` is left out.",
      },
    ),
  ),
  clone: Type.Optional(
    fields(
      {
        vmid: Type.Integer({
          minimum: 100,
          maximum: 999_999_999,
          description: "The template or VM to copy.",
        }),
        node: Type.Optional(nodeField("The node that the template is on. When not set, it is looked for.")),
        full: Type.Boolean({
          default: true,
          description:
            "Whether the disks are copied. `false` keeps using those of a template (a linked clone).",
        }),
        storage: Type.Optional(
          storageField("The storage for the copies. When not set, that of each disk of the template."),
        ),
      },
      {
        title: "Clone",
        description:
          "What a new VM is copied from. Only what is set here is changed in the copy. Later it means nothing.",
      },
    ),
  ),
  extraConfig: Type.Record(Type.String(), Type.String(), {
    default: {},
    description:
      'Other keys of the configuration, as `qm set` takes them: `{ hotplug = "disk,network,usb"; numa = "1"; }`.',
  }),
  waitForIp: waitForIpField(
    "WaitForIp",
    "Whether to wait until the guest agent tells an address of the first card, found by its MAC address. Without the agent, a " +
      "static address of `cloudInit` is taken.",
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
          description: "The file with the public key in the guest.",
        }),
        timeoutSeconds: secondsField("How many seconds to wait.", { default: 300 }),
      },
      {
        title: "WaitForHostKey",
        description:
          "Whether to wait until the guest has an SSH host key, and to read its public half through the guest agent. Needs " +
          "the privilege VM.GuestAgent.FileRead (Proxmox VE 8: VM.Monitor).",
      },
    ),
  ),
  ensure: ensureField("the VM"),
});

export const outputs = fields({
  ...guestOutputs,
  hostPublicKey: nullable(Type.String(), {
    description:
      "The public SSH host key that the guest has, for `hostPublicKeys` of a connection; `null` without `waitForHostKey`.",
  }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;
