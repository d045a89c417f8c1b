import { describe, expect, it } from "@jest/globals";
import { declared, undeclared } from "../../../tests/machine-status.ts";
import type { MachineStatus } from "../../core/api.ts";
import { Board, type BoardChange } from "./board.ts";

describe("the order", () => {
  it("puts first what needs a person, then what is going on, and unknown machines last", () => {
    const { board } = boardOf([
      undeclared("52:54:00:00:00:01", { lastSeenAt: 1 }),
      undeclared("52:54:00:00:00:02", { lastSeenAt: 2 }),
      declared("installed", "installed"),
      declared("armed", "armed"),
      declared("booting", "booting"),
      declared("installing", "installing"),
      declared("advised", "installed", { advice: ["Look."] }),
      declared("interrupted", "interrupted"),
      declared("failed", "failed"),
    ]);
    expect(board.refresh().machines.map(({ entry, macs }) => entry?.id ?? macs[0])).toEqual([
      "failed",
      "interrupted",
      "advised",
      "booting",
      "installing",
      "armed",
      "installed",
      "52:54:00:00:00:02",
      "52:54:00:00:00:01",
    ]);
  });

  it("shows the network cards of an entry as one machine, as its latest card was seen", () => {
    const put = { at: 1, text: "Entry put" };
    const [one, two] = ["52:54:00:00:00:01", "52:54:00:00:00:02"];
    const { board } = boardOf([
      declared("web", "booting", { mac: one, timeline: [put], advice: ["Look."] }),
      declared("web", "booting", {
        mac: two,
        lastSeenAt: 5,
        address: "10.0.0.5",
        timeline: [put, { at: 2, text: "Booted" }],
        advice: ["Look."],
      }),
    ]);
    const { machines } = board.refresh();
    expect(machines).toHaveLength(1);
    expect(machines[0]).toMatchObject({
      macs: [two, one],
      address: "10.0.0.5",
      timeline: [put, { at: 2, text: "Booted" }],
      advice: ["Look."],
    });
  });
});

it("leaves out what is neither declared nor has been seen", () => {
  const { board } = boardOf([undeclared("52:54:00:00:00:01")]);
  expect(board.refresh().machines).toEqual([]);
});

describe("changes", () => {
  it("has the cards that are different from what a page shows, and no others", () => {
    const { board, machines } = boardOf([declared("a", "armed"), declared("b", "armed")]);
    const first = board.revision;
    machines[1] = declared("b", "booting");
    board.refresh();
    const second = board.revision;
    machines[0] = declared("a", "failed");
    board.refresh();
    expect(cardsSince(board, first)).toEqual(["entry a", "entry b"]);
    expect(cardsSince(board, second)).toEqual(["entry a"]);
    expect(cardsSince(board, board.revision)).toEqual([]);
  });

  it("has what changed after the same question was answered", () => {
    const { board, machines } = boardOf([declared("a", "armed")]);
    const first = board.revision;
    expect(cardsSince(board, first)).toEqual([]);
    machines[0] = declared("a", "failed");
    board.refresh();
    expect(cardsSince(board, first)).toEqual(["entry a"]);
  });

  it("has everything for a page of another run, or of nothing", () => {
    const { board } = boardOf([declared("a", "armed"), declared("b", "armed")]);
    const other = boardOf([declared("a", "armed")]).board;
    for (const revision of [other.revision, "", "x", "x.y", `${board.revision.split(".")[0]}.x`]) {
      expect(cardsSince(board, revision)).toEqual(["entry a", "entry b"]);
    }
  });

  it("is a new revision when a machine goes, and only when something is different", () => {
    const { board, machines } = boardOf([declared("a", "armed"), declared("b", "armed")]);
    const before = board.revision;
    board.refresh();
    expect(board.revision).toBe(before);
    machines.pop();
    board.refresh();
    expect(board.revision).not.toBe(before);
    expect((JSON.parse(board.changeSince(before)) as BoardChange).order).toEqual(["entry a"]);
  });
});

function cardsSince(board: Board, revision: string): string[] {
  return Object.keys((JSON.parse(board.changeSince(revision)) as BoardChange).cards);
}

function boardOf(machines: MachineStatus[]): { board: Board; machines: MachineStatus[] } {
  let at = 1_000;
  const board = new Board({
    status: () => ({ at: at++, startedAt: 0, cursor: 0, problem: undefined, machines }),
  });
  return { board, machines };
}
