import { describe, expect, it } from "@jest/globals";
import { isCheckedAfterwards, isDeployed, isRebootDue, permittedAction, toOutputs } from "./decide.ts";
import type { Observation } from "./observe.ts";
import type { OperationStatus } from "./operation-status.ts";
import type { Inputs } from "./schema.ts";

const NEW = "/nix/store/new";
const OLD = "/nix/store/old";

const seen: Observation = {
  bootId: "boot",
  currentSystem: NEW,
  bootedSystem: NEW,
  profileTarget: NEW,
  generation: 7,
  valid: true,
  isSystem: true,
  rebootNeeded: false,
  inhibitors: { current: "", toplevel: "" },
  unfinished: false,
  operation: undefined,
};
const inputsOf = (action: Inputs["action"]) => ({ toplevel: NEW, action }) as Inputs;

const STATES = {
  "runs and is in the profile": {},
  runs: { profileTarget: OLD },
  "runs without a profile": { profileTarget: null },
  "is in the profile": { currentSystem: OLD },
  "is in the profile of a host without a system": { currentSystem: null },
  "is only in the store": { currentSystem: OLD, profileTarget: OLD },
  "was deployed, but is not valid in the store": { valid: false },
  "was left half deployed by an earlier operation": { unfinished: true },
} satisfies Record<string, Partial<Observation>>;
type State = keyof typeof STATES;

describe("a system counts as deployed", () => {
  const deployed: Record<Inputs["action"], State[]> = {
    switch: ["runs and is in the profile"],
    test: ["runs and is in the profile", "runs", "runs without a profile"],
    boot: ["runs and is in the profile", "is in the profile", "is in the profile of a host without a system"],
    "dry-activate": [],
  };

  for (const [action, states] of Object.entries(deployed) as [Inputs["action"], State[]][]) {
    it.each(Object.entries(STATES))(`by ${action}, when it %s`, (state, facts) => {
      expect(isDeployed({ ...seen, ...facts }, inputsOf(action))).toBe(states.includes(state as State));
    });
  }
});

describe("the action that switch inhibitors permit", () => {
  const CHANGED = ["dbus-implementation: dbus -> broker"];

  it.each([
    // action, reboot, with a changed inhibitor
    ["switch", "never", undefined],
    ["switch", "when-needed", "boot"],
    ["switch", "always", "boot"],
    ["test", "never", undefined],
    ["test", "when-needed", undefined],
    ["boot", "never", "boot"],
    ["boot", "when-needed", "boot"],
    ["dry-activate", "never", "dry-activate"],
  ] as const)("for %s with reboot %s is %s", (action, reboot, permitted) => {
    expect(permittedAction({ action, reboot }, CHANGED)).toBe(permitted);
    expect(permittedAction({ action, reboot }, [])).toBe(action);
  });
});

it.each([
  // reboot, booted system, a part waits for a reboot, due
  ["never", OLD, true, false],
  ["never", NEW, true, false],
  ["when-needed", OLD, true, true],
  ["when-needed", OLD, false, false],
  ["when-needed", NEW, true, true],
  ["always", OLD, false, true],
  ["always", OLD, true, true],
  ["always", NEW, false, false],
  ["always", NEW, true, false],
  ["always", null, false, true],
] as const)("with %s, booted %s and needed %s: a reboot is due: %s", (reboot, bootedSystem, needed, due) => {
  expect(isRebootDue({ bootedSystem }, needed, { reboot, toplevel: NEW })).toBe(due);
});

it.each([
  ["switch", true, false],
  ["test", true, false],
  ["boot", true, false],
  ["switch", false, true],
  ["test", false, true],
  ["boot", false, false],
  ["dry-activate", false, false],
] as const)("after %s with rollback %s, the host is checked: %s", (action, enable, checked) => {
  expect(isCheckedAfterwards({ action, rollback: { enable, confirmTimeoutSeconds: 60 } })).toBe(checked);
});

describe("the outputs", () => {
  const activated = { previousToplevel: OLD } as OperationStatus;

  it("name the generation only when it is of this system", () => {
    expect(toOutputs(seen, undefined, false, { toplevel: NEW }).generation).toBe(7);
    expect(
      toOutputs({ ...seen, profileTarget: OLD }, undefined, false, { toplevel: NEW }).generation,
    ).toBeNull();
  });

  it("name the replaced system only when this run replaced it", () => {
    expect(toOutputs(seen, activated, true, { toplevel: NEW })).toEqual({
      generation: 7,
      previousToplevel: OLD,
      bootId: "boot",
      rebootNeeded: true,
    });
    expect(toOutputs(seen, undefined, false, { toplevel: NEW }).previousToplevel).toBeNull();
  });
});
