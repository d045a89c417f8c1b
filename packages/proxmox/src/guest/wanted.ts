import type { Wanted } from "./changes.ts";
import { type Setting, withoutDropped } from "./setting.ts";
import type { Volume } from "./volume.ts";

interface Given {
  settings: Setting[];
  volumes: Volume[];
}

/** Combines what the inputs ask for with what the previous inputs set. `off` are keys that the inputs turn off. */
export function wantedFrom(now: Given, previous: Given, off: readonly string[], mayDetach: boolean): Wanted {
  const before = new Map<string, Setting>([
    ...previous.settings.map((one) => [one.key, one] as const),
    ...previous.volumes.map(({ key, options }) => [key, options] as const),
  ]);
  return {
    settings: now.settings.map((one) => withoutDropped(one, before.get(one.key))),
    volumes: now.volumes.map((one) => ({
      ...one,
      options: withoutDropped(one.options, before.get(one.key)),
    })),
    previousKeys: [...new Set([...previous.settings.map(({ key }) => key), ...off])],
    previousVolumes: previous.volumes,
    mayDetach,
  };
}
