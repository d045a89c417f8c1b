import { clientScript } from "./client-script.ts";
import { html, trusted, type Html } from "./html.ts";
import { machineCard } from "./machine-card.ts";
import type { Shown } from "./shown-machine.ts";
import { style } from "./style.ts";
import { summary, titleOf } from "./summary.ts";

/** Renders the page. */
export function page(shown: Shown, revision: string): string {
  const { at, machines } = shown;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${titleOf(machines)}</title>
        <link rel="icon" href="${ICON}" />
        <noscript><meta http-equiv="refresh" content="10" /></noscript>
        ${trusted(`<style>${style}</style>`)}
      </head>
      <body>
        <a class="skip" href="#machines">To the machines</a>
        <header>
          <h1>Boot server</h1>
          <p id="connection" role="status">Not live yet</p>
          <noscript><p>Without JavaScript this page reloads itself every 10 seconds.</p></noscript>
          ${summary(shown)}
        </header>
        <main data-revision="${revision}" data-at="${at}">
          ${emptyState(machines.length === 0)}
          <ul id="machines" role="list" aria-label="Machines" tabindex="-1">
            ${machines.map((machine) => machineCard(machine, at))}
          </ul>
        </main>
        <footer>
          <p>The same for programs: <a href="status.json">status.json</a>, <a href="metrics">metrics</a>.</p>
        </footer>
        <p id="announcement" class="unseen" role="status"></p>
        ${trusted(`<script>${clientScript}</script>`)}
      </body>
    </html>`.text;
}

/** A power button, drawn by hand. */
const ICON =
  "data:image/svg+xml," +
  encodeURIComponent(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="4" fill="#1f5fc4"/><path d="M8 3v5M5 5a4.2 4.2 0 1 0 6 0" fill="none" stroke="#fff" stroke-width="1.8" stroke-linecap="round"/></svg>`,
  );

function emptyState(shown: boolean): Html {
  return html`<section id="empty" ${!shown && html`hidden`}>
    <h2>No machine yet</h2>
    <ol>
      <li>
        Let your DHCP server send machines here: the boot program by TFTP or from <code>/nbp/</code>, then
        iPXE to <a href="boot.ipxe">boot.ipxe</a>.
      </li>
      <li>
        Turn a machine on and let it boot from the network. It appears here with its MAC address, and boots
        from its disk: nothing is installed that nobody has declared.
      </li>
      <li>
        Add that address to <code>proxmoxMACs</code> in your deployment, or declare a
        <code>boot_entry</code> with it, and apply. The next network boot installs the machine.
      </li>
    </ol>
  </section>`;
}
