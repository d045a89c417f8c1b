import type { Wanted } from "../guest/changes.ts";
import { descriptionSetting } from "../guest/setting.ts";
import { volumesOf } from "./disks.ts";
import type { Run } from "./run.ts";
import { settingsOf } from "./settings.ts";

/** Returns what the inputs of a VM ask for. */
export function wantedOf({ inputs, previous = {} }: Run): Wanted {
  return {
    settings: [...settingsOf(inputs), descriptionSetting(inputs, previous)],
    volumes: volumesOf(inputs),
    previousKeys: settingsOf(previous).map(({ key }) => key),
    previousVolumes: volumesOf(previous),
    mayDetach: inputs.detachRemovedDisks,
  };
}
