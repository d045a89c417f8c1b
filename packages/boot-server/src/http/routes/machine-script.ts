import type { MachineFacts } from "../../core/api.ts";
import { HttpError, sendText } from "../answers.ts";
import type { Exchange, Route } from "../exchange.ts";
import { genericScript, installScript, localBootScript, waitScript } from "../ipxe-script.ts";
import { macOf } from "../mac.ts";

const MAX_FACT_CHARACTERS = 64;
const READ_SECONDS = 10;

export const machineScriptRoute: Route = {
  method: "GET",
  path: "/machines/:mac/boot.ipxe",
  async handle(exchange) {
    const { res, params, query, baseUrl } = exchange;
    const mac = macOf(params);
    res.setHeader("Cache-Control", "no-store");
    // Without a query, the properties of the machine are not known yet. HEAD does not begin a boot either.
    const isBoot = query.has("firmware") && exchange.req.method === "GET";
    sendText(res, isBoot ? await machineScript(exchange, mac) : genericScript(baseUrl, params["mac"]));
  },
};

async function machineScript({ sources, address, query, baseUrl }: Exchange, mac: string): Promise<string> {
  const { core } = sources;
  const facts = readFacts(query, address);
  const { firmware } = facts;
  const decision = await core.startBoot(mac, facts);
  if (decision.kind === "wait") return waitScript(decision.reason, genericScript(baseUrl));
  if (decision.kind === "local") {
    const { reason, biosLocalBoot, isWrongMachine } = decision;
    const pauseSeconds = isWrongMachine ? READ_SECONDS : 0;
    return localBootScript({ firmware, biosLocalBoot, reason, pauseSeconds });
  }
  const { id, installGeneration, initrds, cmdline } = decision.entry.spec;
  return installScript({
    baseUrl,
    mac,
    entryId: id,
    bootId: decision.bootId,
    generation: installGeneration,
    initrds: initrds.length,
    cmdline,
    firmware,
  });
}

function readFacts(query: URLSearchParams, address: string): MachineFacts {
  const violations = ["firmware", "architecture"].filter(
    (name) => !/^[a-z0-9_-]{1,16}$/i.test(query.get(name) ?? ""),
  );
  if (violations.length > 0) {
    throw new HttpError(
      400,
      violations.map((name) => `${name}: must be a name that iPXE uses, such as efi or x86_64`).join("; "),
    );
  }
  return {
    address,
    firmware: query.get("firmware")!,
    architecture: query.get("architecture")!,
    manufacturer: printable(query.get("manufacturer")),
    product: printable(query.get("product")),
    serial: printable(query.get("serial")),
  };
}

function printable(text: string | null): string | undefined {
  const clean = text?.replaceAll(/\p{C}/gu, "").slice(0, MAX_FACT_CHARACTERS).trim();
  return clean === "" ? undefined : clean;
}
