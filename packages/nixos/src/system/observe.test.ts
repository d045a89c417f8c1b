import { describe, expect, it } from "@jest/globals";
import { toObservation } from "./observe.ts";
import { parseValues } from "./remote-values.ts";

const observe = (text: string) => toObservation(parseValues(text));
const OLD = '{"dbus": "dbus"}';
const NEW = '{"dbus": "broker"}';

describe("what the host says of itself", () => {
  it("is taken as it is", () => {
    const text =
      "uid=0\nbootId=b\ncurrentSystem=/c\nbootedSystem=/b\nprofileTarget=/p\nprofileLink=system-42-link\nnix=yes\n" +
      "valid=yes\nisSystem=yes\nrebootNeeded=yes\nunfinished=yes\noperation=1234\n";
    expect(observe(text)).toEqual({
      bootId: "b",
      currentSystem: "/c",
      bootedSystem: "/b",
      profileTarget: "/p",
      generation: 42,
      valid: true,
      isSystem: true,
      rebootNeeded: true,
      inhibitors: { current: "", toplevel: "" },
      unfinished: true,
      operation: "1234",
    });
  });

  it("is nothing where it says nothing", () => {
    expect(observe("bootId=b\ncurrentSystem=\nbootedSystem=\nprofileTarget=\nprofileLink=\n")).toEqual({
      bootId: "b",
      currentSystem: null,
      bootedSystem: null,
      profileTarget: null,
      generation: null,
      valid: false,
      isSystem: false,
      rebootNeeded: false,
      inhibitors: { current: "", toplevel: "" },
      unfinished: false,
      operation: undefined,
    });
  });

  it.each([
    // rebootNeeded by the host, inhibitors of the running, the booted and the new system, needed
    ["", OLD, OLD, OLD, false],
    ["", OLD, OLD, NEW, true],
    ["", NEW, OLD, NEW, true],
    ["", OLD, NEW, NEW, true],
    ["", "", "", NEW, false],
    ["", OLD, OLD, "", false],
    ["yes", OLD, OLD, OLD, true],
    ["no", OLD, OLD, OLD, false],
  ])(
    "says %j, with the inhibitors %s, %s and %s: a reboot is needed: %s",
    (said, current, booted, next, needed) => {
      const text = `rebootNeeded=${said}\ncurrentInhibitors=${current}\nbootedInhibitors=${booted}\ntoplevelInhibitors=${next}\n`;
      expect(observe(text).rebootNeeded).toBe(needed);
    },
  );
});
