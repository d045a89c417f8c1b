import { afterEach, beforeEach, expect, it, jest } from "@jest/globals";
import { inTurn, tableClient } from "../../tests/table-client.ts";
import type { Guest } from "./guest.ts";
import { observe, observeUntil } from "./observe.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

const GUEST: Guest = { kind: "qemu", node: "pve", vmid: 100 };
const answers = (pending: unknown, status: unknown) => ({
  "GET /nodes/pve/qemu/100/pending": pending,
  "GET /nodes/pve/qemu/100/status/current": status,
});

it("reads the values that are set, those that wait included", async () => {
  const pending = [
    { key: "cores", value: 2, pending: 4 },
    { key: "name", value: "web" },
    { key: "balloon", value: 0, delete: 1 },
    { key: "tags", value: "a", delete: 0 },
    { key: "bios", pending: "ovmf" },
    { key: "boot" },
    { key: "digest", value: "0123" },
  ];
  const { client } = tableClient(answers(pending, { status: "stopped" }));
  expect(await observe(client, { ...GUEST, values: "of before" } as Guest)).toEqual({
    ...GUEST,
    values: new Map([
      ["cores", "4"],
      ["name", "web"],
      ["tags", "a"],
      ["bios", "ovmf"],
      ["boot", ""],
    ]),
    pendingKeys: new Set(["cores", "balloon", "bios"]),
    isRunning: false,
    isHaManaged: false,
    isBeingCreated: false,
  });
});

it.each([
  [{ status: "running" }, { isRunning: true, isHaManaged: false, isBeingCreated: false }],
  [{ status: "paused" }, { isRunning: false }],
  [{ status: "stopped", ha: { managed: 1 } }, { isHaManaged: true }],
  [{ status: "stopped", ha: { managed: 0 } }, { isHaManaged: false }],
  [{ status: "stopped", lock: "create" }, { isBeingCreated: true }],
  [{ status: "stopped", lock: "clone" }, { isBeingCreated: true }],
  [{ status: "stopped", lock: "backup" }, { isBeingCreated: false }],
])("with the status %j it is %j", async (status, wanted) => {
  expect(await observe(tableClient(answers([], status)).client, GUEST)).toMatchObject(wanted);
});

it.each([
  ["as soon as it is so", 10, inTurn({ status: "stopped" }, { status: "running" }), true, 2],
  ["after the timeout, as it is then", 0.4, { status: "stopped" }, false, 4],
])("observes until %s", async (_, seconds, status, isRunning, count) => {
  const { client, asked } = tableClient(answers([], status));
  const seen = observeUntil(client, GUEST, seconds, (one) => one.isRunning);
  await jest.advanceTimersByTimeAsync(20_000);
  expect(await seen).toMatchObject({ isRunning });
  expect(asked).toHaveLength(2 * count);
});
