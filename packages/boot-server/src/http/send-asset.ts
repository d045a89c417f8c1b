import type { OpenAsset } from "../core/api.ts";
import type { Exchange } from "./exchange.ts";
import { sendContent, type Content, type OnProgress } from "./send-content.ts";

const SIGHTING_INTERVAL_MS = 250;

/** Sends the kernel or an initrd, and reports the progress to the core. */
export async function sendAsset(
  exchange: Exchange,
  asset: OpenAsset,
  download: { mac: string; name: string; multipleOf: number },
): Promise<void> {
  const { mac, name, multipleOf } = download;
  const content = assetContent(asset, multipleOf);
  try {
    await sendContent(exchange, content, sightings(exchange, { mac, name, size: content.size }));
  } finally {
    await asset.close();
  }
}

/** Returns a callback that reports a download to the core: at the start, every 250 ms, and at the end. */
export function sightings(
  { sources, address }: Pick<Exchange, "sources" | "address">,
  { mac, name, size }: { mac?: string; name: string; size: number },
): OnProgress {
  let next = 0;
  return (sent, state) => {
    const now = performance.now();
    if (state === "going" && now < next) return;
    next = now + SIGHTING_INTERVAL_MS;
    const text = describe(name, sent, size, state);
    sources.core.sighted({ mac, address, text, download: { name, sent, size } });
  };
}

function describe(name: string, sent: number, size: number, state: Parameters<OnProgress>[1]): string {
  if (state === "complete" && sent === size) return `Loaded ${name} (${amount(size)})`;
  const what = state === "stopped" ? "Stopped loading" : "Loads";
  return `${what} ${name}: ${amount(sent)} of ${amount(size)}`;
}

function amount(bytes: number): string {
  return bytes < 2 ** 20 ? `${Math.ceil(bytes / 2 ** 10)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** Returns the content of an asset. Adds zero bytes until the size is a multiple of `multipleOf`. */
function assetContent(asset: OpenAsset, multipleOf: number): Content {
  const padding = (multipleOf - (asset.size % multipleOf)) % multipleOf;
  return {
    size: asset.size + padding,
    entityTag: padding === 0 ? `"${asset.sha256}"` : `"${asset.sha256}+${padding}"`,
    contentType: "application/octet-stream",
    async read(buffer, position) {
      if (position < asset.size) return asset.read(buffer, position);
      buffer.fill(0);
      return buffer.length;
    },
  };
}
