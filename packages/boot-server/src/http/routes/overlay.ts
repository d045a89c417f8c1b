import type { ServerResponse } from "node:http";
import type { OverlayContents } from "../../core/api.ts";
import { cpioArchive } from "../cpio.ts";
import type { Exchange, Route } from "../exchange.ts";
import { sightings } from "../send-asset.ts";
import { writeAll } from "../write-all.ts";

/** The transfer in progress of each boot. Two at once could both deliver the overlay. */
const sending = new Map<string, { res: ServerResponse; done: Promise<void> }>();

export const overlayRoute: Route = {
  method: "GET",
  path: "/boots/:boot/overlay.cpio",
  async handle(exchange) {
    const { req, res, sources, params, address } = exchange;
    const boot = params["boot"]!;
    const sendingOther = () => (req.method === "GET" ? sending.get(boot) : undefined);
    const body = await archive(sources.core.overlay(boot, address), exchange);
    for (let other = sendingOther(); other !== undefined; other = sendingOther()) {
      // The machine has given up the other transfer, because it requests the overlay again.
      if (!other.res.writableEnded) other.res.destroy();
      await other.done;
    }
    // Checked again, because the other transfer may have delivered it. There must be no await from here to `sending.set`.
    const overlay = sources.core.overlay(boot, address);
    res.writeHead(200, {
      "Cache-Control": "no-store",
      "Content-Type": "application/octet-stream",
      "Content-Length": body.length,
    });
    if (req.method === "HEAD") {
      res.end();
      return;
    }
    const sent = sendOnce(exchange, overlay, body);
    sending.set(boot, { res, done: sent.catch(() => {}) });
    await sent.finally(() => sending.delete(boot));
  },
};

async function sendOnce(exchange: Exchange, overlay: OverlayContents, body: Buffer): Promise<void> {
  const { res } = exchange;
  const onProgress = sightings(exchange, { mac: overlay.mac, name: "overlay", size: body.length });
  onProgress(0, "started");
  try {
    await writeAll(res, body);
  } catch (error) {
    onProgress(0, "stopped");
    throw error;
  }
  res.end();
  onProgress(body.length, "complete");
  await overlay.delivered();
}

async function archive(
  { entryId, generation, token, files }: OverlayContents,
  { baseUrl }: Exchange,
): Promise<Buffer> {
  const text = (path: string, line: unknown, mode = 0o644) => ({
    path: `/nixops4/${path}`,
    contents: Buffer.from(`${String(line)}\n`),
    mode,
  });
  return cpioArchive([
    ...(await files()),
    text("token", token, 0o600),
    text("job-url", `${baseUrl}/jobs/${entryId}`),
    text("generation", generation),
  ]);
}
