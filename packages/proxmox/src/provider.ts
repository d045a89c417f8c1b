import { defineProvider } from "@nixops4-providers/provider-sdk";
import { container } from "./resources/container.ts";
import { image } from "./resources/image.ts";
import { pool } from "./resources/pool.ts";
import { vm } from "./resources/vm.ts";

export const provider = defineProvider({
  name: "proxmox",
  executable: "nixops4-resources-proxmox",
  description: "Virtual machines, containers, images and pools on Proxmox VE, never recreated by surprise.",
  resources: [vm, container, image, pool],
});
