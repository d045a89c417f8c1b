import { describe, expect, it } from "@jest/globals";
import { negotiate } from "./options.ts";

const limits = { maxBlockSize: 1468, maxWindowSize: 64 };

/** Returns the accepted options of a request. Both are `name=value` pairs. */
function answers(asked: string, size: number | undefined = 1000, within = limits): string {
  const { accepted } = negotiate(asked === "" ? [] : pairs(asked), size, within);
  return accepted.map(({ name, value }) => `${name}=${value}`).join(" ");
}

function pairs(text: string): { name: string; value: string }[] {
  return text.split(" ").map((pair) => {
    const [name = "", value = ""] = pair.split("=");
    return { name, value };
  });
}

describe("negotiate", () => {
  it.each([
    ["", ""],
    ["blksize=7", ""],
    ["blksize=8", "blksize=8"],
    ["blksize=1432", "blksize=1432"],
    ["blksize=1469", "blksize=1468"],
    ["blksize=65464", "blksize=1468"],
    ["blksize=-1", ""],
    ["blksize=1e3", ""],
    ["blksize=", ""],
    ["blksize=99999999999999999999", ""],
    ["timeout=0", ""],
    ["timeout=1", "timeout=1"],
    ["timeout=255", "timeout=255"],
    ["timeout=256", ""],
    ["windowsize=0", ""],
    ["windowsize=1", "windowsize=1"],
    ["windowsize=65535", "windowsize=64"],
    ["windowsize=65536", ""],
    ["tsize=0", "tsize=1000"],
    ["multicast= blksize2=512 constructor=1 __proto__=1", ""],
    ["TSize=0 BLKSIZE=1024 x=y", "TSize=1000 BLKSIZE=1024"],
    ["blksize=600 BlkSize=700", "blksize=600"],
    ["windowsize=4 timeout=3 tsize=0 blksize=512", "windowsize=4 timeout=3 tsize=1000 blksize=512"],
  ])("answers %j with %j", (asked, expected) => {
    expect(answers(asked)).toBe(expected);
  });

  it("tells sizes beyond 4 GiB", () => {
    expect(answers("tsize=0", 5 * 2 ** 30)).toBe("tsize=5368709120");
  });

  it("tells no size that it does not know", () => {
    const negotiated = negotiate(pairs("tsize=0"), undefined, limits);
    expect(negotiated).toMatchObject({ accepted: [], sizeTold: false });
  });

  it("never goes beyond the largest block of RFC 2348", () => {
    expect(answers("blksize=65535", 0, { ...limits, maxBlockSize: 100_000 })).toBe("blksize=65464");
  });

  it("keeps to RFC 1350 where nothing is asked", () => {
    expect(negotiate([], 0, limits)).toMatchObject({
      blockSize: 512,
      windowSize: 1,
      timeoutSeconds: undefined,
    });
  });
});
