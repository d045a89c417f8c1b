import { defineResource } from "@nixops4-providers/provider-sdk";
import { checkImage } from "../image/check.ts";
import { inputs, outputs } from "../image/schema.ts";
import docs from "./image.md";

export const image = defineResource({
  type: "image",
  description:
    "A file on a storage: a disk to import, an ISO image or a container template. It is downloaded by Proxmox VE or uploaded, its checksum " +
    "is verified there, and it is done when the storage shows it. One that is there is not sent again.",
  docs,
  stateful: false,
  inputs,
  outputs,
  check: checkImage,
  worker: async () => (await import("../image/converge-image.ts")).convergeImage,
});
