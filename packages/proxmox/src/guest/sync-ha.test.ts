import { expect, it } from "@jest/globals";
import { tableClient } from "../../tests/table-client.ts";
import { PveError } from "../client/errors.ts";
import type { Observed } from "./observe.ts";
import { syncHa } from "./sync-ha.ts";

const PATH = "/cluster/ha/resources/vm%3A100";
const READ = [`GET ${PATH}`, {}];
const WANTED = { state: "started", maxRestart: 1, maxRelocate: 2 };
const PARAMS = { state: "started", max_restart: 1, max_relocate: 2 };
const SAME = { state: "started", max_restart: "1", max_relocate: 2 };
const NONE = new PveError("GET /x", 500, "no such resource 'vm:100'");
const UPDATE = [READ, [`PUT ${PATH}`, PARAMS]];

/** The requests for a guest. */
async function requests(
  wanted: typeof WANTED | undefined,
  wasWanted: boolean,
  isHaManaged: boolean,
  answer?: unknown,
) {
  const { client, asked } = tableClient({
    [`GET ${PATH}`]: answer,
    [`PUT ${PATH}`]: null,
    [`DELETE ${PATH}`]: null,
    "POST /cluster/ha/resources": null,
  });
  const seen = { kind: "qemu", node: "pve", vmid: 100, isHaManaged } as Observed;
  const [error] = await syncHa(client, seen, wanted, wasWanted).then(
    () => [],
    (reason: unknown) => [reason],
  );
  return error ?? asked;
}

it.each([
  ["what was never wanted stays", false, true, []],
  ["what an earlier run set up is removed", true, true, [[`DELETE ${PATH}`, {}]]],
  ["what was removed by hand is not removed again", true, false, []],
])("without ha, %s", async (_, wasWanted, isManaged, wanted) => {
  expect(await requests(undefined, wasWanted, isManaged)).toEqual(wanted);
});

it.each([
  ["is added", NONE, [READ, ["POST /cluster/ha/resources", { sid: "vm:100", ...PARAMS }]]],
  ["that is as wanted stays", SAME, [READ]],
  ["with another state is changed", { ...SAME, state: "stopped" }, UPDATE],
  ["with other restarts is changed", { ...SAME, max_restart: 0 }, UPDATE],
  ["with other relocations is changed", { ...SAME, max_relocate: 1 }, UPDATE],
  ["without values has the defaults of Proxmox VE, and is changed", {}, UPDATE],
])("a resource %s", async (_, answer, wanted) => {
  expect(await requests(WANTED, false, false, answer)).toEqual(wanted);
});

it("a resource with the defaults of Proxmox VE stays", async () => {
  expect(await requests({ ...WANTED, maxRelocate: 1 }, false, false, {})).toEqual([READ]);
});

it.each([new PveError("GET /x", 403, "no"), new Error("no such resource")])(
  "%s is passed on",
  async (error) => {
    expect(await requests(WANTED, false, false, error)).toBe(error);
  },
);
