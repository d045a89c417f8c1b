import { randomBytes } from "node:crypto";
import type { BootDecision, MachineFacts, OpenAsset, OverlayContents, ReportRequest } from "./api.ts";
import type { Clock } from "./clock.ts";
import { decideAsset, decideBoot, decideDelivered, decideOverlay } from "./decide.ts";
import { allowHardwareReport, authenticated, decideClaim, decideReport } from "./decide-install.ts";
import type { Ledger } from "./ledger.ts";
import type { Boot, Entry, OverlayRef } from "./model.ts";
import type { NeededAssets } from "./needed-assets.ts";
import { readOverlay, type OverlayContent } from "./overlay.ts";
import { Refusal } from "./refusal.ts";
import { entryOfBoot, entryOfMac } from "./registry.ts";
import { withoutSecrets } from "./report-secrets.ts";
import type { StatusView } from "./status-view.ts";
import type { HardwareStore, OverlayStore } from "./store.ts";

interface Parts {
  clock: Clock;
  ledger: Ledger;
  view: StatusView;
  assets: NeededAssets;
  overlays: OverlayStore;
  hardware: HardwareStore;
}

/** Handles the requests of machines, from the first script to the last report of the installer. */
export class MachineCommands {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async startBoot(mac: string, facts: MachineFacts): Promise<BootDecision> {
    const { clock, ledger } = this.#parts;
    const boot = newBoot(mac, facts, clock.now());
    const { entry, offer } = await ledger.commit(() => {
      const entry = entryOfMac(ledger.registry, mac);
      return { entry, ...decideBoot(entry, boot, entry === undefined ? 0 : ledger.quietMs(entry.spec.id)) };
    });
    const decision: BootDecision =
      offer.kind === "install" ? { ...offer, entry: entry!, bootId: boot.id } : offer;
    this.#show(boot, facts, decision);
    return decision;
  }

  async openAsset(mac: string, which: "kernel" | { initrd: number }): Promise<OpenAsset> {
    const { ledger, assets } = this.#parts;
    return assets.open(decideAsset(entryOfMac(ledger.registry, mac), which));
  }

  overlay(bootId: string, address: string): OverlayContents {
    const { ledger, view, clock } = this.#parts;
    const entry = entryOfBoot(ledger.registry, bootId);
    const what = `${address} asked for its overlay, and was refused`;
    const { boot, overlay } = view.showingRefusal(entry, what, () => decideOverlay(entry, address));
    const { id, installGeneration } = entry!.spec;
    return {
      entryId: id,
      mac: boot.mac,
      generation: installGeneration,
      token: boot.token,
      files: async () => {
        const files = await this.#files(overlay);
        if (files !== undefined) return files;
        throw new Refusal(
          "absent",
          "the overlay is missing in the boot server's store: apply the deployment again",
        );
      },
      delivered: async () => {
        await ledger.commit(() => {
          const entry = this.#entry(id);
          return { entry, events: decideDelivered(entry, bootId, clock.now()) };
        });
      },
    };
  }

  async claim(
    entryId: string,
    request: { token: string; bootId: string; address: string },
  ): Promise<{ generation: number; attempt: number }> {
    const { ledger, view, clock } = this.#parts;
    const { entry } = await ledger.commit(() => {
      const entry = this.#entry(entryId);
      const what = `A claim from ${request.address} was refused`;
      const events = view.showingRefusal(entry, what, () => decideClaim(entry, request, clock.now()));
      return { entry, events };
    });
    return { generation: entry!.spec.installGeneration, attempt: entry!.attempt };
  }

  async report(entryId: string, token: string, request: ReportRequest): Promise<void> {
    const { ledger, view, clock } = this.#parts;
    await ledger.commit(async () => {
      const entry = this.#entry(entryId);
      const what = "A report was refused";
      const { spec } = view.showingRefusal(entry, what, () => authenticated(entry, token));
      const secrets = ((await this.#files(spec.overlay)) ?? []).filter(({ secret }) => secret);
      const texts = secrets.map(({ contents }) => contents.toString("utf8"));
      const clean = withoutSecrets(request, [token, ...texts]);
      const events = view.showingRefusal(entry, what, () => decideReport(entry, token, clean, clock.now()));
      return { entry, events };
    });
  }

  async reportHardware(entryId: string, token: string, report: Uint8Array): Promise<void> {
    allowHardwareReport(this.#entry(entryId), token);
    await this.#parts.hardware.put(entryId, report);
  }

  /** Shows the answer on the machine's timeline. */
  #show(boot: Boot, facts: MachineFacts, decision: BootDecision): void {
    const { view } = this.#parts;
    const { mac, startedAt } = boot;
    if (decision.kind === "local" && decision.isWrongMachine) {
      const text = `Asked for its script: ${decision.reason}`;
      view.sighted({ mac, address: facts.address, text, problem: "wrong-architecture" });
      return;
    }
    view.askedForScript(mac, facts, startedAt);
    if (decision.kind === "install") return;
    const what = decision.kind === "wait" ? "was told to wait" : "was told to boot from disk";
    view.note(mac, `Asked for its script and ${what}: ${decision.reason}`, startedAt);
  }

  #entry(id: string): Entry | undefined {
    return this.#parts.ledger.registry.entries.get(id);
  }

  async #files(overlay: OverlayRef | null): Promise<OverlayContent[] | undefined> {
    const bytes = overlay === null ? undefined : await this.#parts.overlays.get(overlay);
    return bytes && readOverlay(bytes);
  }
}

function newBoot(mac: string, { address, firmware, architecture }: MachineFacts, startedAt: number): Boot {
  return {
    id: randomBytes(24).toString("base64url"),
    token: randomBytes(32).toString("base64url"),
    mac,
    address,
    firmware,
    architecture,
    startedAt,
    deliveredAt: undefined,
  };
}
