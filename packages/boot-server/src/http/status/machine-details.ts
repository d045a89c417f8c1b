import { conditionOf, nameOf } from "./condition.ts";
import { downloads } from "./downloads.ts";
import { html, type Html } from "./html.ts";
import { clip } from "./text.ts";
import { clockTimeElement, relativeTimeElement } from "./times.ts";
import type { ShownMachine } from "./shown-machine.ts";

/** Renders the details of a machine. */
export function machineDetails(machine: ShownMachine, now: number): Html {
  const inActivity = ["armed", "booting"].includes(conditionOf(machine));
  const fetched = inActivity ? undefined : downloads(machine);
  const { timeline } = machine;
  return html`<details class="details" data-part="details">
    <summary>Details<span class="unseen"> of ${nameOf(machine)}</span></summary>
    <div class="columns">
      <section>
        <h3>Machine</h3>
        <dl>
          ${factRows(machine, now).map(
            ([term, value]) =>
              html`<div>
                <dt>${term}</dt>
                <dd dir="auto">${value}</dd>
              </div>`,
          )}
        </dl>
      </section>
      ${
        fetched &&
        html`<section>
          <h3>Fetched</h3>
          ${fetched}
        </section>`
      }
      <section>
        <h3>Timeline</h3>
        ${
          timeline.length === 0
            ? html`<p class="muted">Nothing has happened yet.</p>`
            : html`<ol
                class="timeline scroll"
                role="list"
                tabindex="0"
                aria-label="Timeline of ${nameOf(machine)}"
              >
                ${timeline.map(
                  ({ at, text }) =>
                    html`<li>${clockTimeElement(at)} <span dir="auto">${clip(text, 500)}</span></li>`,
                )}
              </ol>`
        }
      </section>
    </div>
  </details>`;
}

function factRows({ macs, address, facts, entry }: ShownMachine, now: number): [string, Html | string][] {
  const time = (at: number | undefined) => at !== undefined && relativeTimeElement(at, now);
  const rows: [string, Html | string | false | undefined][] = [
    ["MAC address", html`<span class="mono">${macs.join(", ")}</span>`],
    ["Address at its last network boot", address && html`<span class="mono">${address}</span>`],
    ["Firmware", facts && firmware(facts.firmware)],
    ["Architecture", facts && clip(facts.architecture, 60)],
    ["Installs", entry?.architecture],
    ["Manufacturer", facts?.manufacturer && clip(facts.manufacturer, 200)],
    ["Product", facts?.product && clip(facts.product, 200)],
    ["Serial number", facts?.serial && clip(facts.serial, 200)],
    ["Generation", entry && String(entry.generation)],
    ["Attempt", entry && entry.attempt > 0 && String(entry.attempt)],
    ["Armed", time(entry?.armedAt)],
    ["Booted", time(entry?.bootedAt)],
    ["Install began", time(entry?.claimedAt)],
    ["Last report", time(entry?.report?.reportedAt)],
    ["Ended", time(entry?.endedAt)],
  ];
  return rows.filter(
    (row): row is [string, Html | string] => row[1] !== undefined && row[1] !== false && row[1] !== "",
  );
}

/** Returns the usual name of iPXE's `platform`. */
function firmware(platform: string): string {
  return { efi: "UEFI", pcbios: "BIOS" }[platform] ?? clip(platform, 60);
}
