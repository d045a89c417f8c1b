import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { type Answers, GONE, inTurn, tableClient } from "../../tests/table-client.ts";
import { PveError, TaskError } from "../client/errors.ts";
import type { Observed } from "./observe.ts";
import { expectRunning, powerCycle, start, stop } from "./power.ts";
import { remove } from "./remove.ts";
import { syncPower } from "./sync-power.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const PATH = "/nodes/pve/qemu/100";
const GUEST = { kind: "qemu", node: "pve", vmid: 100 } as const;
const OPTIONS = { taskTimeoutSeconds: 10, shutdownTimeoutSeconds: 1.5 };
const RUNNING = { status: "running" };
const STOPPED = { status: "stopped" };
const FAILED = new TaskError("shutting down VM 100", "VM quit/powerdown failed - got timeout", []);
const REFUSED = new PveError("POST /x", 403, "no");
const POST = (action: string) => [`POST ${PATH}/status/${action}`, {}];
const SHUTDOWN = [`POST ${PATH}/status/shutdown`, { timeout: 2 }];
const REBOOT = [`POST ${PATH}/status/reboot`, { timeout: 2 }];

/** Runs an action on a guest with these states. Returns its result or error, the writes and the log. */
async function act(
  action: (client: ReturnType<typeof tableClient>["client"]) => Promise<Observed | void>,
  status: unknown,
  more: Answers = {},
) {
  const done = Object.fromEntries(
    ["start", "stop", "shutdown", "reboot"].map((name) => [`POST ${PATH}/status/${name}`, null]),
  );
  const { client, asked, writes, log } = tableClient({
    [`GET ${PATH}/pending`]: [],
    [`GET ${PATH}/status/current`]: status,
    ...done,
    ...more,
  });
  const end = action(client).catch((error: unknown) => error as Error);
  await jest.advanceTimersByTimeAsync(100_000);
  const result = await end;
  const isRunning = result instanceof Error ? result.message : result?.isRunning;
  return { result: isRunning, writes: writes(), log, reads: asked.length - writes().length };
}

describe("a start", () => {
  it.each([
    ["ends when it runs", RUNNING, true, 2],
    ["waits for a guest that starts later", inTurn(STOPPED, STOPPED, RUNNING), true, 6],
  ])("%s", async (_, status, result, reads) => {
    expect(await act((client) => start(client, GUEST, OPTIONS), status)).toEqual({
      result,
      writes: [POST("start")],
      log: [],
      reads,
    });
  });
});

it.each([
  [true, STOPPED, "VM 100 is not running after 60 s"],
  [false, RUNNING, "VM 100 is not stopped after 60 s"],
  [true, RUNNING, true],
  [false, STOPPED, false],
  [false, inTurn(RUNNING, STOPPED), false],
])("waiting for a guest to run: %s, which is %j, gives %j", async (wanted, status, result) => {
  expect(await act((client) => expectRunning(client, GUEST, wanted), status)).toMatchObject({ result });
});

describe("a stop", () => {
  it.each([
    ["is a shutdown", {}, false, [SHUTDOWN], []],
    [
      "is forced after a shutdown that failed",
      { [`POST ${PATH}/status/shutdown`]: FAILED },
      false,
      [SHUTDOWN, POST("stop")],
      ["warn: VM 100 did not shut down within 1.5 s and is stopped"],
    ],
    [
      "is not forced after a shutdown that was refused",
      { [`POST ${PATH}/status/shutdown`]: REFUSED },
      "POST /x: 403 no",
      [SHUTDOWN],
      [],
    ],
  ])("%s", async (_, more, result, writes, log) => {
    const stopped = await act((client) => stop(client, GUEST, OPTIONS), STOPPED, more);
    expect(stopped).toMatchObject({ result, writes, log });
  });
});

describe("a power cycle", () => {
  const waits = { key: "cores", value: "1", pending: "2" };
  it.each([
    ["is a reboot", RUNNING, {}, true, [REBOOT], 2],
    [
      "waits until nothing is pending",
      RUNNING,
      { [`GET ${PATH}/pending`]: inTurn([waits], [waits], []) },
      true,
      [REBOOT],
      6,
    ],
    // After 0 s, each 0.2 s, and once after 5 s.
    [
      "ends after 5 s when something stays pending",
      RUNNING,
      { [`GET ${PATH}/pending`]: [waits] },
      true,
      [REBOOT],
      54,
    ],
    ["waits for a guest that starts later", inTurn(STOPPED, RUNNING), {}, true, [REBOOT], 4],
    [
      "that fails is a stop and a start",
      // After the stop, then while it is waited for, then after the start.
      inTurn(STOPPED, ...Array.from({ length: 27 }, () => STOPPED), RUNNING),
      { [`POST ${PATH}/status/reboot`]: FAILED },
      true,
      [REBOOT, SHUTDOWN, POST("start")],
      58,
    ],
    [
      "that is refused is an error",
      RUNNING,
      { [`POST ${PATH}/status/reboot`]: REFUSED },
      "POST /x: 403 no",
      [REBOOT],
      0,
    ],
  ])("%s", async (_, status, more, result, writes, reads) => {
    const cycled = await act((client) => powerCycle(client, GUEST, OPTIONS), status, more);
    expect(cycled).toEqual({ result, writes, log: [], reads });
  });
});

describe("a deletion", () => {
  const DELETE = [`DELETE ${PATH}`, { purge: true, "destroy-unreferenced-disks": true }];
  const seen = (isRunning: boolean, protection: string) =>
    ({ ...GUEST, isRunning, values: new Map([["protection", protection]]) }) as unknown as Observed;
  it.each([
    ["of a stopped guest", seen(false, "0"), GONE, undefined, [DELETE]],
    [
      "of a running guest stops it before",
      seen(true, "0"),
      inTurn(STOPPED, GONE),
      undefined,
      [SHUTDOWN, DELETE],
    ],
    ["of a protected guest is refused", seen(true, "1"), RUNNING, "VM 100 is protected", []],
    [
      "without an effect is an error",
      seen(false, "0"),
      STOPPED,
      "VM 100 still exists after it was deleted",
      [DELETE],
    ],
    ["that cannot be confirmed is an error", seen(false, "0"), REFUSED, "POST /x: 403 no", [DELETE]],
  ])("%s", async (_, guest, status, result, writes) => {
    const deleted = await act((client) => remove(client, guest, OPTIONS), status, {
      [`DELETE ${PATH}`]: null,
    });
    expect(deleted).toMatchObject({ result, writes });
  });
});

describe("the power", () => {
  const STAYS = ["info: VM 100 is stopped and stays stopped"];
  it.each([
    ["that is not set starts a new guest", {}, false, true, true, ["start"], []],
    ["that is not set leaves an existing guest alone", {}, false, false, false, [], STAYS],
    ["that is not set leaves a running guest alone", {}, true, false, true, [], []],
    ["starts a guest", { started: true }, false, false, true, ["start"], []],
    ["stops a guest", { started: false }, true, true, false, ["shutdown"], []],
    ["stays on", { started: true }, true, false, true, [], []],
    ["stays off", { started: false }, false, true, false, [], []],
    ["is switched on by high availability", { ha: { state: "started" } }, false, true, true, [], []],
    ["is on by high availability", { ha: { state: "started" } }, true, true, true, [], []],
    ["is left to high availability", { ha: { state: "stopped" } }, false, true, false, [], []],
  ])("%s", async (_, more, isRunning, isNew, result, actions, log) => {
    const seen = { ...GUEST, isRunning } as Observed;
    const inputs = { ...OPTIONS, ...more } as never;
    const synced = await act(
      (client) => syncPower({ client, inputs }, seen, isNew),
      result ? RUNNING : STOPPED,
    );
    expect(synced).toMatchObject({ result, log });
    expect(synced.writes.map(([what]) => what)).toEqual(actions.map((one) => `POST ${PATH}/status/${one}`));
  });

  it("that high availability does not switch on is an error", async () => {
    const inputs = { ...OPTIONS, ha: { state: "started" } } as never;
    const seen = { ...GUEST, isRunning: false } as Observed;
    const { result } = await act((client) => syncPower({ client, inputs }, seen, true), STOPPED);
    expect(result).toBe("VM 100 is not running after 60 s");
  });
});
