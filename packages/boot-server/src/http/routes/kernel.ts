import type { Route } from "../exchange.ts";
import { macOf } from "../mac.ts";
import { sendAsset } from "../send-asset.ts";

export const kernelRoute: Route = {
  method: "GET",
  path: "/machines/:mac/kernel",
  async handle(exchange) {
    const mac = macOf(exchange.params);
    const asset = await exchange.sources.core.openAsset(mac, "kernel");
    await sendAsset(exchange, asset, { mac, name: "kernel", multipleOf: 1 });
  },
};
