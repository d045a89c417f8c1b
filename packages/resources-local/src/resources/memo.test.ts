import { expect, it } from "@jest/globals";
import type { Context } from "@nixops4-providers/provider-sdk";
import { memo } from "./memo.ts";

const context = {} as Context;
const update = (outputs: object | undefined) =>
  memo.update!(
    {
      inputs: { initialize_with: "new" },
      previous: outputs === undefined ? undefined : { inputs: {}, outputs: { ...outputs } },
    },
    context,
  );

it.each([["text"], [null], [undefined]])("keeps %j, whatever the inputs are", async (value) => {
  expect(await update({ value })).toEqual({ value });
});

it.each([[undefined], [{}], [{ other: 1 }]])("refuses a record without a value: %j", async (outputs) => {
  await expect(update(outputs)).rejects.toThrow(
    "cannot keep the value of a memo: none is recorded in the state",
  );
});
