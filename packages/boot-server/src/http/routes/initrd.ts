import { HttpError } from "../answers.ts";
import type { Route } from "../exchange.ts";
import { macOf } from "../mac.ts";
import { sendAsset } from "../send-asset.ts";

/** Linux expects each archive at a multiple of this many bytes (init/initramfs.c). */
const ALIGNMENT = 4;

export const initrdRoute: Route = {
  method: "GET",
  path: "/machines/:mac/initrd/:index",
  async handle(exchange) {
    const { params, sources } = exchange;
    const mac = macOf(params);
    const index = params["index"]!;
    if (!/^(0|[1-9]\d?)$/.test(index)) throw new HttpError(404, "not found");
    const asset = await sources.core.openAsset(mac, { initrd: Number(index) });
    await sendAsset(exchange, asset, { mac, name: `initrd ${index}`, multipleOf: ALIGNMENT });
  },
};
