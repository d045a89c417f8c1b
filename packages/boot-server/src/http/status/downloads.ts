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

/** Returns the position of a download. The boot program is first, because its name is not in the list. */
function byOrderOfBoot(a: { name: string }, b: { name: string }): number {
  const place = ({ name }: { name: string }) =>
    ["boot.ipxe", "kernel", "initrd", "overlay"].findIndex((own) => name.startsWith(own));
  return place(a) - place(b) || (a.name < b.name ? -1 : 1);
}

function amount(sent: number, size: number): string {
  return sent >= size ? bytes(size) : `${bytes(sent)} of ${bytes(size)}`;
}
