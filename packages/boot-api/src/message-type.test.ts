import { describe, expect, it } from "@jest/globals";
import { bootServiceDefinition, type Entry } from "./index.ts";

const { getEntry, uploadAsset, watchEvents } = bootServiceDefinition;

describe("messages on the wire", () => {
  it("are plain objects with names for enums, numbers and Uint8Arrays", () => {
    const entry: Entry = {
      spec: {
        id: "web",
        macs: ["52:54:00:12:34:56"],
        architecture: "AARCH64",
        kernel: { sha256: "ab", size: 2 ** 40 + 1 },
        initrds: [{ sha256: "cd", size: 1 }],
        cmdline: "größer",
        files: [{ path: "/a", contents: Buffer.from([0, 255]), mode: 0o4755, secret: true }],
        installGeneration: 2,
        onInterrupted: "RETRY",
        biosLocalBoot: "EXIT",
        expireSeconds: 60,
        silenceSeconds: 10,
      },
      phase: "FAILED",
      attempt: 3,
      armedAt: 1_700_000_000_123,
      expiresAt: 1_700_000_100_123,
      boot: null,
      claim: { bootId: "b", address: "::1", claimedAt: 5 },
      report: { stage: "disk", percent: 0, message: "", log: ["a", ""], reportedAt: 7 },
      endedAt: 0,
      reason: "",
      scriptUrl: "http://x/",
      cursor: 9,
    };
    expect(getEntry.responseDeserialize(getEntry.responseSerialize(entry))).toEqual(entry);
  });

  it("tell an optional number that is not there from 0", () => {
    const report = { stage: "", percent: undefined, message: "", log: [], reportedAt: 0 };
    const empty = getEntry.responseDeserialize(Buffer.alloc(0));
    expect(empty).toMatchObject({ spec: null, phase: "PHASE_UNSPECIFIED", cursor: 0 });
    expect(empty.endedAt).toBeUndefined();
    const sent = getEntry.responseSerialize({ ...empty, report });
    expect(getEntry.responseDeserialize(sent).report?.percent).toBeUndefined();
  });

  it("have at most one of the alternatives", () => {
    const download = { name: "kernel", sent: 1, size: 2 };
    const event = { cursor: 1, entryId: "web", at: 2, download };
    const received = watchEvents.responseDeserialize(watchEvents.responseSerialize(event));
    expect(received).toEqual(event);
    expect(received.step).toBeUndefined();
    const empty = uploadAsset.requestDeserialize(uploadAsset.requestSerialize({ data: new Uint8Array() }));
    expect(empty.data).toHaveLength(0);
  });

  it("keep a value that only the sender knows as its number", () => {
    // Field 2 of Entry, phase, is 99.
    expect(getEntry.responseDeserialize(Buffer.from([0x10, 99])).phase).toBe(99);
  });

  it("are refused when they are cut off", () => {
    expect(() => getEntry.requestDeserialize(Buffer.from([0x0a, 5, 0x61]))).toThrow(/index out of range/);
  });
});
