import type { Violation } from "@nixops4-providers/provider-sdk";
import { checkApiAccess } from "../api-access.ts";
import type { Inputs } from "./schema.ts";

/** The file extensions that Proxmox VE accepts for each content. */
const EXTENSIONS: Record<Inputs["content"], RegExp> = {
  iso: /\.(iso|img)$/,
  import: /\.(qcow2|raw|vmdk)$/,
  vztmpl: /\.tar\.(gz|xz|zst|bz2)$/,
};

const EXAMPLES = {
  iso: ".iso or .img",
  import: ".qcow2, .raw or .vmdk",
  vztmpl: ".tar.gz, .tar.xz, .tar.zst or .tar.bz2",
};

/** Reports what the schema of an image cannot express. */
export function checkImage({ connection, name, content, source, sha256 }: Inputs): Violation[] {
  const violations = checkApiAccess(connection);
  if (!EXTENSIONS[content].test(name)) {
    violations.push({
      path: "name",
      message: `must end with ${EXAMPLES[content]} for the content ${content}`,
    });
  }
  if (source.url !== undefined && sha256 === undefined)
    violations.push({ path: "sha256", message: "is required with source.url" });
  return violations;
}

/** Inserts the start of the hash before the extension, such as in `nixos-0123456789abcdef.qcow2`. */
export function fileNameOf({ name, content }: Inputs, sha256: string): string {
  const [extension = ""] = EXTENSIONS[content].exec(name) ?? [];
  return `${name.slice(0, -extension.length)}-${sha256.slice(0, 16)}${extension}`;
}
