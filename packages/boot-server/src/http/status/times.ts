import { html, type Html } from "./html.ts";

/** Renders a relative time such as `3 min ago`. The page's script updates it. */
export function relativeTimeElement(at: number, now: number): Html {
  return html`<time datetime="${iso(at)}" title="${utc(at)}" data-shown="relative"
    >${relativeTime(at - now)}</time
  >`;
}

/** Renders a time of day such as `14:03:22`. The page's script converts it to the local time zone. */
export function clockTimeElement(at: number): Html {
  return html`<time datetime="${iso(at)}" title="${utc(at)}" data-shown="clock"
    >${iso(at).slice(11, 19)}</time
  >`;
}

/**
 * Returns a distance from now in words. `distance` is in milliseconds, negative for the past. The function also runs in
 * the page, so it must not use anything from outside.
 */
export function relativeTime(distance: number): string {
  const seconds = Math.round(Math.abs(distance) / 1000);
  if (seconds < 3) return "now";
  const steps: [number, number, string][] = [
    [60, 1, "s"],
    [3600, 60, "min"],
    [2 * 86_400, 3600, "h"],
    [Infinity, 86_400, "days"],
  ];
  for (const [below, size, unit] of steps) {
    if (seconds >= below) continue;
    const words = `${Math.floor(seconds / size)}\u00a0${unit}`;
    return distance < 0 ? `${words} ago` : `in ${words}`;
  }
  return "";
}

function iso(at: number): string {
  return new Date(at).toISOString();
}

function utc(at: number): string {
  return `${iso(at).slice(0, 19).replace("T", " ")} UTC`;
}
