import { CONDITION_NAMES, conditionOf, needsAttention, type Condition } from "./condition.ts";
import { html, type Html } from "./html.ts";
import { relativeTimeElement } from "./times.ts";
import type { Shown, ShownMachine } from "./shown-machine.ts";

/** Renders the number of machines in each condition. */
export function summary({ at, startedAt, machines }: Shown): Html {
  const attention = machines.filter(needsAttention).length;
  return html`<div id="summary" data-title="${titleOf(machines)}">
    <ul class="counts" role="list">
      <li class="total"><b>${machines.length}</b> ${machines.length === 1 ? "machine" : "machines"}</li>
      ${
        attention > 0 &&
        html`<li class="count attention">
          <b>${attention}</b> ${attention === 1 ? "needs" : "need"} attention
        </li>`
      }
      ${countConditions(machines).map(
        ([condition, count]) =>
          html`<li class="count" data-condition="${condition}">
            <b>${count}</b> ${CONDITION_NAMES[condition].toLowerCase()}
          </li>`,
      )}
    </ul>
    <p class="uptime">Service started ${relativeTimeElement(startedAt, at)}</p>
  </div>`;
}

/** Returns the title of the window. The most urgent part is first, because tabs are narrow. */
export function titleOf(machines: readonly ShownMachine[]): string {
  const attention = machines.filter(needsAttention).length;
  const active = machines.filter((machine) =>
    ["booting", "installing"].includes(conditionOf(machine)),
  ).length;
  const news = [
    attention > 0 && `${attention} ${attention === 1 ? "needs" : "need"} attention`,
    active > 0 && `${active} active`,
  ].filter(Boolean);
  return [...news, "Boot server"].join(" \u00b7 ");
}

function countConditions(machines: readonly ShownMachine[]): [Condition, number][] {
  const conditions = machines.map(conditionOf);
  return (Object.keys(CONDITION_NAMES) as Condition[])
    .map((condition): [Condition, number] => [
      condition,
      conditions.filter((other) => other === condition).length,
    ])
    .filter(([, count]) => count > 0);
}
