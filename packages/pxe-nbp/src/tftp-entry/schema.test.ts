import { expect, it } from "@jest/globals";
import { check, type Inputs } from "./schema.ts";

const violations = (more: object) =>
  check({
    macs: ["52:54:00:12:34:56"],
    kernel: "linux",
    initrd: [],
    cmdline: "",
    formats: ["pxelinux", "ipxe"],
    ipxePath: "ipxe/01-{mac}.ipxe",
    ensure: "present",
    ...more,
  } as unknown as Inputs).map(({ path, message }) => `${path}: ${message}`);

const RELATIVE = "ipxePath: must be a path relative to root, without empty parts, . and ..";
const ASCII = "ipxePath: must be printable ASCII without spaces";
const WORDS = "must be printable ASCII without spaces, and not empty";

it.each([
  [{}, []],
  [{ kernel: undefined }, ["kernel: is required"]],
  [{ kernel: undefined, ensure: "absent" }, []],
  [{ kernel: undefined, ensure: "absent", ipxePath: "/a" }, [RELATIVE]],
  [{ ipxePath: "boot.ipxe" }, []],
  [{ ipxePath: "a/../b" }, [RELATIVE]],
  [{ ipxePath: "a/./b" }, [RELATIVE]],
  [{ ipxePath: "a//b" }, [RELATIVE]],
  [{ ipxePath: "" }, [RELATIVE]],
  [{ ipxePath: "a b" }, [ASCII]],
  [{ ipxePath: "ä" }, [ASCII]],
  [{ ipxePath: "a b", formats: ["pxelinux"] }, []],
  // The path of a list has an index, that of one value has none.
  [{ initrd: "a b" }, [`initrd: ${WORDS}`]],
  [{ initrd: ["ok", "a b"] }, [`initrd[1]: ${WORDS}`]],
  [{ cmdline: ["a", "b\n"] }, []],
  [{ cmdline: ["a", "b\nc"] }, ["cmdline: must be printable ASCII on one line"]],
])("%j", (more, wanted) => {
  expect(violations(more)).toEqual(wanted);
});
