import type { Violation } from "@nixops4-providers/provider-sdk";
import { locate } from "./find.ts";
import { foreignness } from "./find-own.ts";
import type { GuestRun } from "./guest-run.ts";
import { type Kind, labelOf } from "./guest.ts";
import { observe } from "./observe.ts";

/** Reports that the ID for a new guest is in use. VMs and containers share the IDs. */
export async function takenViolations({
  client,
  facts,
  inputs,
  kind,
}: Pick<GuestRun, "client" | "facts" | "inputs" | "kind">): Promise<Violation[]> {
  const { vmid, node } = inputs;
  if (vmid === undefined) return [];
  const kinds: Kind[] = ["qemu", "lxc"];
  const found = await Promise.all(kinds.map((one) => locate(client, facts, one, vmid, node)));
  const guest = found.find((one) => one !== undefined);
  if (guest === undefined) return [];
  const seen = await observe(client, guest);
  const way =
    guest.kind === kind ? "choose another ID, or take it over with adopt = true" : "choose another ID";
  return [{ path: "vmid", message: `${labelOf(guest)} ${foreignness(seen)}: ${way}` }];
}
