import type { Wanted } from "../guest/changes.ts";
import { descriptionSetting } from "../guest/setting.ts";
import { wantedFrom } from "../guest/wanted.ts";
import { volumesOf } from "./disks.ts";
import type { Run } from "./run.ts";
import { settingsOf } from "./settings.ts";

/** Returns what the inputs of a VM ask for. */
export function wantedOf({ inputs, previous = {} }: Run): Wanted {
  const settings = [...settingsOf(inputs), descriptionSetting(inputs, previous)];
  const off = [
    ...(inputs.serialConsole === false ? ["serial0"] : []),
    ...(inputs.tags?.length === 0 ? ["tags"] : []),
  ];
  return wantedFrom(
    { settings, volumes: volumesOf(inputs) },
    { settings: settingsOf(previous), volumes: volumesOf(previous) },
    off,
    inputs.detachRemovedDisks,
  );
}
