import type { EntryStatus } from "../../core/api.ts";
import type { InstallReport } from "../../core/model.ts";
import { nameOf } from "./condition.ts";
import { downloads } from "./downloads.ts";
import { html, type Html } from "./html.ts";
import { progress } from "./progress.ts";
import { clip } from "./text.ts";
import { relativeTimeElement } from "./times.ts";
import type { ShownMachine } from "./shown-machine.ts";

/** Renders what the machine is doing, or how its install ended. */
export function activity(machine: ShownMachine, now: number): Html {
  const { entry } = machine;
  if (entry === undefined) return unknownActivity(machine);
  const when = (words: string, at: number | undefined) =>
    at !== undefined && html`${words} ${relativeTimeElement(at, now)}.`;
  switch (entry.phase) {
    case "armed":
      return html`<p>Waits for the machine to boot from the network. ${when("Expires", entry.expiresAt)}</p>
        ${downloads(machine)}`;
    case "booting":
      return html`<p>${when("Began to boot", entry.bootedAt)}</p>
        ${downloads(machine)}`;
    case "installing":
      return html`${stage(entry, nameOf(machine))}
        <p>${when("Began to install", entry.claimedAt)}</p>`;
    case "installed":
      return html`<p>${when("Installed", entry.endedAt)}</p>
        ${entry.login && copyable(`ssh ${entry.login}`, `the command for ${nameOf(machine)}`)}`;
    case "failed":
      return html`${stage(entry, nameOf(machine))}
        <p>${when("Failed", entry.endedAt)}</p>`;
    case "refused":
      return html`${stage(entry, nameOf(machine))}
        <p>${when("Refused to install", entry.endedAt)} No disk was touched.</p>`;
    case "interrupted":
      return html`${stage(entry, nameOf(machine))}
        ${entry.reason && html`<p class="message" dir="auto">${clip(entry.reason, 500)}</p>`}
        <p>${when("Interrupted", entry.endedAt)}</p>`;
    case "expired":
      return html`<p>No installer asked for this job in time. ${when("Expired", entry.endedAt)}</p>`;
  }
}

function unknownActivity(machine: ShownMachine): Html {
  // The line has a placeholder, which Nix refuses: DHCP may give the machine's current address to another machine.
  const line = `name = { mac = "${nameOf(machine)}"; ip = "ADDRESS"; };`;
  return html`<p>
      Not declared, so it boots from its disk. To install it, add this line to <code>proxmoxMACs</code>, with
      a name and an address of its own, outside of the range that DHCP gives out, and apply:
    </p>
    ${copyable(line, `the line for ${nameOf(machine)}`)}`;
}

function copyable(text: string, what: string): Html {
  return html`<p class="copyable">
    <code>${text}</code>
    <button type="button" data-copy="${text}">Copy<span class="unseen"> ${what}</span></button>
  </p>`;
}

function stage({ report, attempt, phase }: EntryStatus, name: string): Html {
  if (report === undefined) {
    return phase === "installing" ? html`<p>The installer has begun and not reported yet.</p>` : html``;
  }
  const stageName = clip(report.stage, 120);
  return html`<p class="stage">
      <strong dir="auto">${stageName}</strong>
      ${attempt > 1 && html`<span class="muted">attempt ${attempt}</span>`}
    </p>
    ${report.percent !== undefined && progress(`${stageName}, ${name}`, report.percent, 100, percentText(report))}
    ${report.message !== "" && html`<p class="message" dir="auto">${clip(report.message, 500)}</p>`}`;
}

function percentText({ percent }: InstallReport): string {
  return `${Math.floor(percent ?? 0)}\u00a0%`;
}
