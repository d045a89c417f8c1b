import { activity } from "./activity.ts";
import { CONDITION_NAMES, conditionOf, nameOf, needsAttention } from "./condition.ts";
import { html, onLines, type Html } from "./html.ts";
import { machineDetails } from "./machine-details.ts";
import { clip, count, withoutAnsi } from "./text.ts";
import { relativeTimeElement } from "./times.ts";
import type { ShownMachine } from "./shown-machine.ts";

/** Renders the card of a machine. The page's script updates the elements with `data-part` separately. */
export function machineCard(machine: ShownMachine, now: number): Html {
  const condition = conditionOf(machine);
  const name = nameOf(machine);
  return html`<li
    class="machine${needsAttention(machine) ? " attention" : ""}"
    data-key="${machine.key}"
    data-name="${name}"
    data-condition="${condition}"
  >
    <div class="identity">
      <h2 class="${machine.entry ? "" : "mono"}">${name}</h2>
      ${identity(machine)}
    </div>
    <div class="state">
      <p class="badge">${CONDITION_NAMES[condition]}</p>
      <p class="seen">${seen(machine, now)}</p>
    </div>
    <div class="activity">${activity(machine, now)}</div>
    ${advice(machine)}
    <div class="more" data-part="more">${log(machine)} ${machineDetails(machine, now)}</div>
  </li>`;
}

function identity({ macs, entry, address, facts }: ShownMachine): Html {
  const hardware = facts && [facts.manufacturer, facts.product].filter(Boolean).join(" ");
  return html`<p class="facts">
    ${entry && html`<span class="mono">${macs[0]}</span>`}
    ${macs.length > 1 && html`<span>+ ${macs.length - 1} more</span>`}
    ${address && html`<span class="mono">${address}</span>`}
    ${hardware && html`<span dir="auto">${clip(hardware, 120)}</span>`}
  </p>`;
}

function seen({ lastSeenAt }: ShownMachine, now: number): Html {
  return lastSeenAt === undefined ? html`never seen` : html`seen ${relativeTimeElement(lastSeenAt, now)}`;
}

function advice(machine: ShownMachine): Html | undefined {
  if (machine.advice.length === 0) return undefined;
  return html`<ul class="advice" data-part="advice" aria-label="Advice for ${nameOf(machine)}">
    ${machine.advice.map((sentence) => html`<li dir="auto">${clip(sentence, 1000)}</li>`)}
  </ul>`;
}

function log(machine: ShownMachine): Html | undefined {
  const lines = machine.entry?.report?.log ?? [];
  if (lines.length === 0) return undefined;
  const open = ["refused", "installing", "failed", "interrupted"].includes(conditionOf(machine));
  return html`<details class="log" data-part="log" ${open && html`open`}>
    <summary>
      Log<span class="unseen"> of ${nameOf(machine)}</span> <span class="muted">${count(lines, "line")}</span>
    </summary>
    ${logBox(machine, lines)}
  </details>`;
}

function logBox(machine: ShownMachine, lines: string[]): Html {
  const text = lines.map((line) => clip(withoutAnsi(line), 2000));
  const label = `Last log lines of ${nameOf(machine)}`;
  // prettier-ignore
  return html`<pre class="scroll" tabindex="0" role="group" aria-label="${label}">${onLines(text)}</pre>`;
}
