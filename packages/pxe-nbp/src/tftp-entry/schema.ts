import { ensureField, fields, Type, type Static, type Violation } from "@nixops4-providers/provider-sdk";
import { cmdlineField, joinCmdline } from "../cmdline.ts";
import { checkBootFiles } from "./loader-files.ts";
import { checkMacs, macsField } from "../mac.ts";
import { asList, pathOf } from "../one-or-more.ts";

export const inputs = fields({
  root: Type.String({
    minLength: 1,
    localPath: true,
    description:
      "The folder that the TFTP server serves. It must exist. For PXELINUX it is the folder that `pxelinux.0` is in.",
  }),
  macs: macsField,
  kernel: Type.Optional(
    Type.String({
      description:
        "The kernel, as the loader requests it: a path relative to `root`, an absolute path on the server, or a URL " +
        "(of which PXELINUX knows `tftp:` and, as `lpxelinux.0`, `http:`). Required unless `ensure` is `absent`.",
    }),
  ),
  initrd: Type.Union([Type.String(), Type.Array(Type.String())], {
    default: [],
    description:
      "The initial ramdisk, or a list of them in the order of loading. Paths or URLs as for `kernel`.",
  }),
  cmdline: cmdlineField,
  formats: Type.Array(Type.Enum(["pxelinux", "ipxe"]), {
    default: ["pxelinux", "ipxe"],
    minItems: 1,
    uniqueItems: true,
    description:
      "Which files to write for each MAC address: `pxelinux.cfg/01-<mac>` for PXELINUX, `ipxePath` for iPXE. " +
      "Files of a format that is no longer listed stay.",
  }),
  ipxePath: Type.String({
    default: "ipxe/01-{mac}.ipxe",
    description:
      "The path of the iPXE script, relative to `root`. `{mac}` becomes the MAC address in lower case with hyphens, " +
      "which iPXE writes as `${netX/mac:hexhyp}`.",
  }),
  mode: Type.String({
    pattern: "^[0-7]{3,4}$",
    patternError: "must be 3 or 4 octal digits, such as 0640",
    default: "0644",
    description: "The permissions of the files in octal. New folders get `0755`.",
  }),
  overwrite: Type.Boolean({
    default: false,
    description: "Whether files that this resource type did not write may be replaced and removed.",
  }),
  ensure: ensureField("the files"),
});

export const outputs = fields({
  paths: Type.Array(Type.String(), { description: "The files, as absolute paths; none when `absent`." }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export function check({ macs, kernel, initrd, cmdline, formats, ipxePath, ensure }: Inputs): Violation[] {
  const violations = checkMacs(macs);
  const message = formats.includes("ipxe") ? refusePath(ipxePath) : undefined;
  if (message !== undefined) violations.push({ path: "ipxePath", message });
  if (ensure === "absent") return violations;
  const files = { kernel, initrds: asList(initrd), cmdline: joinCmdline(cmdline) };
  return [...violations, ...checkBootFiles(files, formats, (index) => pathOf("initrd", initrd, index))];
}

function refusePath(path: string): string | undefined {
  const parts = path.split("/");
  if (parts.some((part) => ["", ".", ".."].includes(part))) {
    return "must be a path relative to root, without empty parts, . and ..";
  }
  return /^[\x21-\x7e]+$/.test(path) ? undefined : "must be printable ASCII without spaces";
}
