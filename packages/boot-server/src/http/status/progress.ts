import { html, type Html } from "./html.ts";

/** Renders a progress bar named `label`, with `figures` beside it. */
export function progress(label: string, value: number, max: number, figures: string): Html {
  const full = Math.max(max, 1);
  return html`<div class="progress">
    <progress value="${Math.max(0, Math.min(value, full))}" max="${full}" aria-label="${label}"></progress>
    <span class="figures">${figures}</span>
  </div>`;
}
