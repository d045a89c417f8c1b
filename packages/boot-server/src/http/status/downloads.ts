import { nameOf } from "./condition.ts";
import { html, type Html } from "./html.ts";
import { progress } from "./progress.ts";
import { bytes, clip } from "./text.ts";
import type { ShownMachine } from "./shown-machine.ts";

export function downloads(machine: ShownMachine): Html | undefined {
  if (machine.downloads.length === 0) return undefined;
  return html`<ul class="downloads" role="list">
    ${machine.downloads.toSorted(byOrderOfBoot).map(
      ({ name, sent, size }) =>
        html`<li>
          <span class="mono">${clip(name, 60)}</span>
          ${progress(`${clip(name, 60)}, ${nameOf(machine)}`, sent, size, amount(sent, size))}
        </li>`,
    )}
  </ul>`;
}

/** The boot program first, as it has any name. */
function byOrderOfBoot(a: { name: string }, b: { name: string }): number {
  const place = ({ name }: { name: string }) =>
    ["boot.ipxe", "kernel", "initrd", "overlay"].findIndex((own) => name.startsWith(own));
  return place(a) - place(b) || (a.name < b.name ? -1 : 1);
}

function amount(sent: number, size: number): string {
  return sent >= size ? bytes(size) : `${bytes(sent)} of ${bytes(size)}`;
}
