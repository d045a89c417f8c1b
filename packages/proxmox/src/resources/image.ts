import { defineResource } from "@nixops4-providers/provider-sdk";
import { checkImage } from "../image/check.ts";
import { inputs, outputs } from "../image/schema.ts";
import docs from "./image.md";

export const image = defineResource({
  type: "image",
  description:
    "A file on a storage: a disk to import, an ISO image or a container template. Proxmox VE downloads it, or it is uploaded. Its " +
    "checksum is verified there, and the run waits until the storage lists it. An existing file is not sent again.",
  docs,
  stateful: false,
  inputs,
  outputs,
  check: checkImage,
  worker: async () => (await import("../image/converge-image.ts")).convergeImage,
});
