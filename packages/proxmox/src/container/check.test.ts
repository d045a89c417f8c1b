import { expect, it } from "@jest/globals";
import type { Inputs } from "./schema.ts";
import { checkContainer, missingForNew } from "./check.ts";

const lines = (violations: { path: string; message: string }[]) =>
  violations.map(({ path, message }) => `${path}: ${message}`);
const check = (more: object) =>
  lines(checkContainer({ connection: {}, mountPoints: {}, ...more } as unknown as Inputs));

it.each([
  [{ mountPoints: { mp0: {}, mp30: {} } }, []],
  [
    { mountPoints: { mp31: {}, data: {} } },
    ["mountPoints.mp31: must be mp0 to mp30", "mountPoints.data: must be mp0 to mp30"],
  ],
  [{ networks: [{ name: "eth0" }, { name: "eth1" }] }, []],
  [{ networks: [{ name: "eth0" }, { name: "eth0" }] }, ["networks[1].name: eth0 is used twice"]],
  [{ waitForIp: {} }, ["waitForIp: needs a network interface"]],
  [{ waitForIp: {}, networks: [{ name: "eth0" }] }, []],
  [{ waitForIp: {}, networks: [{ name: "eth0" }], started: true }, []],
  [{ waitForIp: {}, networks: [{ name: "eth0" }], started: false }, ["waitForIp: needs a running container"]],
  [{ started: false }, []],
])("%j", (more, wanted) => {
  expect(check(more)).toEqual(wanted);
});

it("needs a template and a root for a new one", () => {
  const missing = "is required for a new container";
  expect(lines(missingForNew({} as Inputs))).toEqual([`template: ${missing}`, `rootDisk: ${missing}`]);
  expect(missingForNew({ template: "a", rootDisk: {} } as unknown as Inputs)).toEqual([]);
});
