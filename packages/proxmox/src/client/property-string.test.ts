import { expect, it } from "@jest/globals";
import { flag, parseProps, printProps } from "./property-string.ts";

it("reads properties, the first of which has no name", () => {
  expect(parseProps("local:8,discard=on,,serial=a=b", "file")).toEqual({
    file: "local:8",
    discard: "on",
    serial: "a=b",
  });
  expect(parseProps("", "file")).toEqual({});
});

it("writes the one of the default key first, and leaves out what is not set", () => {
  expect(printProps({ discard: "on", size: undefined, file: "local:8" }, "file")).toBe("local:8,discard=on");
  expect(printProps({ discard: "on" }, "file")).toBe("discard=on");
});

it.each([
  [true, "1"],
  [false, "0"],
  [undefined, undefined],
])("writes the switch %s as %s", (value, text) => {
  expect(flag(value)).toBe(text);
});
