import {
  ensureField,
  fields,
  nullable,
  secretRef,
  Type,
  type Static,
  type Violation,
} from "@nixops4-providers/provider-sdk";
import { cmdlineField, joinCmdline, refuseCmdline } from "../cmdline.ts";
import { gcRootsField } from "../gc-roots.ts";
import { checkMacs, macsField } from "../mac.ts";
import { checkServer, serverSchema } from "../server.ts";

const overlayFileSchema = fields({
  contents: Type.Optional(
    Type.String({
      description: "The contents of the file. Exactly one of `contents` and `secret` is required.",
    }),
  ),
  secret: Type.Optional(
    secretRef(
      "The contents of the file as a secret. The service sends it only once, while the machine boots, and deletes it when " +
        "the machine is installed. A secret of several lines, such as a private key, gets its final newline back.",
    ),
  ),
  mode: Type.Optional(
    Type.String({
      pattern: "^[0-7]{3,4}$",
      patternError: "must be 3 or 4 octal digits, such as 0640",
      description: "The permissions in octal. When not set, `0644`, and `0600` for a `secret`.",
    }),
  ),
});

const localFile = Type.String({ minLength: 1, localPath: true });

export const inputs = fields({
  server: serverSchema,
  name: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
      patternError:
        "must be 1 to 128 letters, digits, dots, underscores and hyphens, and begin with a letter or digit",
      description:
        "The id of the entry in the service: letters, digits, dots, underscores and hyphens. When not set, the first MAC " +
        "address with hyphens.",
    }),
  ),
  macs: macsField,
  architecture: Type.Enum(["x86_64", "aarch64"], {
    default: "x86_64",
    description: "The architecture of the kernel. A machine of another architecture does not get it.",
  }),
  kernel: Type.Optional(
    Type.String({
      minLength: 1,
      localPath: true,
      description:
        "The kernel: a file on the machine that runs nixops4. If it is in the Nix store of the service's host, it is served " +
        "from there. Otherwise it is uploaded, unless the service has it. Required unless `ensure` is `absent`.",
    }),
  ),
  initrd: Type.Union([localFile, Type.Array(localFile)], {
    default: [],
    description: "The initial ramdisk, or a list of them in the order of loading. Files as for `kernel`.",
  }),
  cmdline: cmdlineField,
  files: Type.Record(Type.String(), overlayFileSchema, {
    default: {},
    description:
      "Files for this machine only, by their absolute path in the initial ramdisk. They are added after those of " +
      "`initrd`, and have at most 4 MiB together.",
  }),
  installGeneration: Type.Integer({
    minimum: 1,
    maximum: 2 ** 31,
    default: 1,
    description:
      "The machine is installed once for each value, whatever else changes. **A higher one installs it again, which " +
      "wipes its disk.** It cannot be lowered.",
  }),
  onInterrupted: Type.Enum(["hold", "retry"], {
    default: "hold",
    description:
      "What a network boot does after an install that failed or was interrupted: `hold` boots from disk until there is " +
      "a higher `installGeneration`, `retry` installs again.",
  }),
  biosLocalBoot: Type.Enum(["sanboot", "exit"], {
    default: "sanboot",
    description:
      "How an installed machine with BIOS boots from its disk after a network boot: `sanboot` lets iPXE start the first " +
      "disk, `exit` goes on with the firmware's boot order. EFI always goes on with the boot order.",
  }),
  expireSeconds: Type.Integer({
    minimum: 60,
    maximum: 315_360_000,
    default: 604_800,
    description:
      "An entry whose machine has not begun to install expires after this many seconds. Each apply restarts the time.",
  }),
  silenceSeconds: Type.Integer({
    minimum: 10,
    maximum: 2_592_000,
    default: 1800,
    description: "An install that has not reported for this many seconds counts as interrupted.",
  }),
  gcRootsFolder: gcRootsField(
    "A folder on the machine that runs nixops4 for links that protect store paths from Nix's garbage collector: those " +
      "in `kernel`, `initrd`, `cmdline` and the `contents` of `files`. `installed` with the same folder removes the " +
      "links, and so does the next apply after the install. Only you and root may be able to change the folder and its " +
      "parents. It needs the program `nix-store`.",
  ),
  login: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9:][A-Za-z0-9:.-]*$",
      patternError: "must be a user and a host, such as root@10.0.0.11",
      description:
        "The user and the host to log in to after the install, such as `root@10.0.0.11`. The status page shows it.",
    }),
  ),
  ensure: ensureField("the entry"),
});

export const outputs = fields({
  entryId: Type.String({ description: "The id of the entry in the service, for `installed`." }),
  scriptUrl: nullable(Type.String(), {
    description: "The URL of the machine's iPXE script; `null` when `absent`.",
  }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export function check({ server, macs, kernel, cmdline, files, ensure }: Inputs): Violation[] {
  const violations = [...checkServer(server), ...checkMacs(macs)];
  if (ensure === "absent") return violations;
  if (kernel === undefined) violations.push({ path: "kernel", message: "is required" });
  for (const message of refuseCmdline(joinCmdline(cmdline), true)) {
    violations.push({ path: "cmdline", message });
  }
  for (const [path, { contents, secret }] of Object.entries(files)) {
    const at = `files.${path}`;
    if ((contents === undefined) === (secret === undefined)) {
      violations.push({ path: at, message: "must have exactly one of contents, secret" });
    }
    if (!isPlainPath(path)) {
      violations.push({ path: at, message: "must be an absolute path without empty parts, . and .." });
    }
  }
  return violations;
}

function isPlainPath(path: string): boolean {
  const [first, ...parts] = path.split("/");
  return first === "" && parts.length > 0 && !parts.some((part) => ["", ".", ".."].includes(part));
}
