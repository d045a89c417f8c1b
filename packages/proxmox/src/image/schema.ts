import {
  ensureField,
  exactlyOne,
  fields,
  type Static,
  Type,
  secondsField,
} from "@nixops4-providers/provider-sdk";
import { nodeField, storageField } from "../common-fields.ts";
import { apiAccessField } from "../api-access.ts";

const source = exactlyOne(
  {
    url: Type.Optional(
      Type.String({
        pattern: "^https?://[^ \\n]+$",
        patternError: "must be a URL, such as https://example.org/debian.qcow2",
        description: "The URL that Proxmox VE downloads it from. Requires `sha256`.",
      }),
    ),
    file: Type.Optional(
      Type.String({
        minLength: 1,
        localPath: true,
        description: "A file on the deploying machine to upload, such as a qcow2 or ISO image built by Nix.",
      }),
    ),
  },
  { title: "ImageSource", description: "The source of the file." },
);

export const inputs = fields({
  connection: apiAccessField,
  node: nodeField("The node that downloads the file, or that it is uploaded to."),
  storage: storageField("The storage for the file. On a shared storage, all nodes have it."),
  content: Type.Enum(["import", "iso", "vztmpl"], {
    default: "import",
    description:
      "The content type: a disk to import, an ISO image, or a container template. The storage must accept it.",
  }),
  name: Type.String({
    pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$",
    patternError: "must be the name of a file: letters, digits and characters of ._-",
    description:
      "The name of the file with its extension, such as `nixos.qcow2`. The first 16 digits of its SHA-256 are inserted before the " +
      "extension: other content is another volume, and a volume in use is never replaced.",
  }),
  source,
  sha256: Type.Optional(
    Type.String({
      pattern: "^[0-9a-fA-F]{64}$",
      patternError: "must be a SHA-256 in hexadecimal",
      description:
        "The SHA-256 of the file. Required for a download. For a local file, it is computed and compared with this one.",
    }),
  ),
  verifyCertificates: Type.Boolean({
    default: true,
    description: "Whether Proxmox VE verifies the certificate of the server of `url`.",
  }),
  taskTimeoutSeconds: secondsField(
    "How many seconds to wait for a download, and for Proxmox VE to store an upload.",
    { default: 3600 },
  ),
  visibleTimeoutSeconds: secondsField("How many seconds to wait until the storage lists the new file.", {
    default: 60,
  }),
  ensure: ensureField("the image"),
});

export const outputs = fields({
  volumeId: Type.String({
    description:
      "The ID of the volume, such as `local:import/nixos-0123456789abcdef.qcow2`, for `importFrom`, `cdrom.image` or `template`.",
  }),
  sha256: Type.String({ description: "The SHA-256 of the file." }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;
