import { open } from "node:fs/promises";
import { HttpError } from "../answers.ts";
import type { Route } from "../exchange.ts";
import { sightings } from "../send-asset.ts";
import { sendContent, type Content } from "../send-content.ts";

export const nbpRoute: Route = {
  method: "GET",
  path: "/nbp/:name",
  async handle(exchange) {
    const name = exchange.params["name"]!;
    const path = exchange.sources.nbps.get(name);
    if (path === undefined) throw new HttpError(404, "not found");
    const file = await open(path).catch((error: Error) => {
      exchange.warn(`cannot read the boot program ${name}: ${error.message}`);
      throw new HttpError(404, "not found");
    });
    try {
      const { size, mtimeMs, ino } = await file.stat();
      const version = [ino, size, Math.floor(mtimeMs * 1000)].map((part) => part.toString(16)).join("-");
      const content: Content = {
        size,
        entityTag: `"${version}"`,
        // UEFI recognizes the kind of file by its media type or name (HttpBootDxe, HttpBootCheckImageType).
        contentType: name.endsWith(".efi") ? "application/efi" : "application/octet-stream",
        read: async (buffer, position) => (await file.read(buffer, 0, buffer.length, position)).bytesRead,
      };
      await sendContent(exchange, content, sightings(exchange, { name, size }));
    } finally {
      await file.close();
    }
  },
};
