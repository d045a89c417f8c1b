import { describe, expect, it } from "@jest/globals";
import { check, type Inputs } from "./schema.ts";

const violations = (more: object) =>
  check({
    server: {},
    macs: ["52:54:00:12:34:56"],
    kernel: "/bzImage",
    cmdline: "",
    files: {},
    ensure: "present",
    ...more,
  } as unknown as Inputs).map(({ path, message }) => `${path}: ${message}`);

const ONE_OF = "must have exactly one of contents, secret";
const PATH = "must be an absolute path without empty parts, . and ..";

describe("an entry", () => {
  it.each([
    [{}, []],
    [{ kernel: undefined }, ["kernel: is required"]],
    [{ kernel: undefined, ensure: "absent" }, []],
    [
      { macs: ["x"], server: { clientKey: {} }, kernel: undefined, ensure: "absent" },
      [
        "server.clientKey: is given without address",
        "macs[0]: must be a MAC address: six pairs of hexadecimal digits with colons or hyphens between them",
      ],
    ],
    [{ cmdline: ["a", "b"] }, []],
    [{ cmdline: ["a", "${b}"] }, ["cmdline: must not contain ${, which iPXE replaces"]],
    [{ cmdline: ["${b}"], ensure: "absent" }, []],
  ])("of %j", (more, wanted) => {
    expect(violations(more)).toEqual(wanted);
  });
});

describe("a file", () => {
  it.each([
    ["/etc/motd", { contents: "" }, []],
    ["/key", { secret: { value: "x" } }, []],
    ["/a", {}, [ONE_OF]],
    ["/a", { contents: "", secret: { value: "x" } }, [ONE_OF]],
    ["a", { contents: "" }, [PATH]],
    ["etc/motd", { contents: "" }, [PATH]],
    ["", { contents: "" }, [PATH]],
    ["/", { contents: "" }, [PATH]],
    ["/etc//motd", { contents: "" }, [PATH]],
    ["/etc/", { contents: "" }, [PATH]],
    ["/./motd", { contents: "" }, [PATH]],
    ["/etc/../motd", { contents: "" }, [PATH]],
    ["/...", { contents: "" }, []],
    ["a", {}, [ONE_OF, PATH]],
  ])("at %j with %j", (path, file, wanted) => {
    expect(violations({ files: { [path]: file } })).toEqual(
      wanted.map((message) => `files.${path}: ${message}`),
    );
  });
});
