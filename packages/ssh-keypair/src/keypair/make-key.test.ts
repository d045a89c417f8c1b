import { expect, it } from "@jest/globals";
import type { Context } from "@nixops4-providers/provider-sdk";
import { makeKey } from "./make-key.ts";

it.each([
  ["ed25519", 256, []],
  ["ecdsa", 521, []],
  ["rsa", 2048, []],
  ["rsa", 4096, ["making an rsa key of 4096 bits", "done"]],
] as const)(
  "reports progress while it makes a large key: %s of %d bits",
  async (algorithm, bits, reports) => {
    const reported: string[] = [];
    const progress = (what: string) => {
      reported.push(what);
      return { done: () => void reported.push("done") };
    };
    const context = { signal: new AbortController().signal, progress } as unknown as Context;
    const { publicKey } = await makeKey({ algorithm, bits, comment: "comment" }, context);
    expect(publicKey.comment).toBe("comment");
    expect(reported).toEqual(reports);
  },
);

it("makes no key when the request was interrupted before", async () => {
  const context = { signal: AbortSignal.abort(new Error("interrupted by SIGINT")) } as unknown as Context;
  const made = makeKey({ algorithm: "ed25519", bits: 256, comment: "" }, context);
  await expect(made).rejects.toThrow("interrupted by SIGINT");
});
