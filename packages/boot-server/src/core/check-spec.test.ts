import { describe, expect, it } from "@jest/globals";
import { specOf } from "../../tests/entries.ts";
import { checkSpec } from "./check-spec.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { EntrySpec, OverlayFile } from "./model.ts";

const LIMITS = {
  ...DEFAULT_LIMITS,
  maxMacs: 2,
  maxInitrds: 2,
  maxFiles: 3,
  maxOverlayBytes: 8,
  maxPathBytes: 3000,
  maxAssetBytes: 100,
};
const HEX = "a".repeat(64);

/** Returns the paths of the violations. */
function pathsOf(changes: Partial<EntrySpec>, limits = LIMITS): string[] {
  try {
    checkSpec(specOf(changes), limits);
    return [];
  } catch (error) {
    const [, ...lines] = (error as Error).message.split("\n");
    return lines.map((line) => line.split(/: /)[0]!);
  }
}

function file(path: string, changes: Partial<OverlayFile> = {}): OverlayFile {
  return { path, contents: "", mode: 0o644, secret: false, ...changes };
}

describe("an entry", () => {
  it.each<[Partial<EntrySpec>, string[]]>([
    [{}, []],
    [{ id: "" }, ["id"]],
    [{ id: "a" }, []],
    [{ id: `a${"._-9Z".repeat(30)}`.slice(0, 128) }, []],
    [{ id: "a".repeat(129) }, ["id"]],
    [{ id: "-a" }, ["id"]],
    [{ id: "a/b" }, ["id"]],
    [{ macs: [] }, ["macs"]],
    [{ macs: ["52:54:00:00:00:01", "52:54:00:00:00:02"] }, []],
    [{ macs: ["52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03"] }, ["macs"]],
    [{ macs: ["52:54:00:00:00:01", "52:54:00:00:00:01"] }, ["macs.1"]],
    [{ macs: ["52:54:00:00:00:0G"] }, ["macs.0"]],
    [{ macs: ["52-54-00-00-00-01"] }, ["macs.0"]],
    [{ macs: ["52:54:00:AB:00:01"] }, ["macs.0"]],
    [{ macs: ["01:00:5e:00:00:01"] }, ["macs.0"]],
    [{ macs: ["ff:ff:ff:ff:ff:ff"] }, ["macs.0"]],
    [{ macs: ["00:00:00:00:00:00"] }, ["macs.0"]],
    [{ macs: ["00:00:00:00:00:01"] }, []],
    [{ kernel: { sha256: HEX, size: 100 } }, []],
    [{ kernel: { sha256: HEX, size: 101 } }, ["kernel.size"]],
    [{ kernel: { sha256: HEX, size: 0 } }, ["kernel.size"]],
    [{ kernel: { sha256: HEX, size: 1.5 } }, ["kernel.size"]],
    [{ kernel: { sha256: HEX.toUpperCase(), size: 1 } }, ["kernel.sha256"]],
    [
      {
        initrds: [
          { sha256: HEX, size: 1 },
          { sha256: "ab", size: -1 },
        ],
      },
      ["initrds.1.sha256", "initrds.1.size"],
    ],
    [{ initrds: Array.from({ length: 3 }, () => ({ sha256: HEX, size: 1 })) }, ["initrds"]],
    [{ cmdline: "console=ttyS0 a~" }, []],
    [{ cmdline: "a\nb" }, ["cmdline"]],
    [{ cmdline: "ü" }, ["cmdline"]],
    [{ cmdline: "a ${b}" }, ["cmdline"]],
    [{ installGeneration: 1 }, []],
    [{ installGeneration: 0 }, ["installGeneration"]],
    [{ installGeneration: 2 ** 31 }, []],
    [{ installGeneration: 2 ** 31 + 1 }, ["installGeneration"]],
    [{ expireSeconds: 60 }, []],
    [{ expireSeconds: 59 }, ["expireSeconds"]],
    [{ silenceSeconds: 10 }, []],
    [{ silenceSeconds: 9 }, ["silenceSeconds"]],
    [{ silenceSeconds: 30 * 86_400 + 1 }, ["silenceSeconds"]],
    [{ login: "root@10.0.0.11" }, []],
    [{ login: "root@fd00::1" }, []],
    [{ login: "root" }, ["login"]],
    [{ login: "root@-oProxyCommand=x" }, ["login"]],
    [{ login: "" }, ["login"]],
  ])("with %j has violations at %j", (changes, paths) => {
    expect(pathsOf(changes)).toEqual(paths);
  });

  it("takes a command line up to what the kernel takes, with the names of the initrds", () => {
    const violations = (length: number) => pathsOf({ cmdline: "x".repeat(length), initrds: [] });
    const fixed = "kernel initrd=overlay  initrd=initrd.magic".length;
    expect(violations(LIMITS.maxKernelArguments - fixed)).toEqual([]);
    expect(violations(LIMITS.maxKernelArguments - fixed + 1)).toEqual(["cmdline"]);
  });

  it("is refused with all violations at once, and its id", () => {
    expect(() => checkSpec(specOf({ macs: [], installGeneration: 0 }), LIMITS)).toThrow(
      /^the entry "web" is not valid:\nmacs: .*\ninstallGeneration: .*$/,
    );
  });
});

describe("the files of an entry", () => {
  it.each<[OverlayFile[], string[]]>([
    [[file("/a"), file("/b/c"), file("/b/d")], []],
    [[file("/a"), file("/b"), file("/c"), file("/d")], ["files"]],
    [[file("/a", { contents: "MTIzNDU2Nzg=" })], []],
    [[file("/a", { contents: "MTIzNDU2Nzg5" })], ["files"]],
    [[file("/a", { contents: "MTIzNA==" }), file("/b", { contents: "MTIzNDU=" })], ["files"]],
    [[file("a")], ['files."a"']],
    [[file("")], ['files.""']],
    [[file("/")], ['files."/"']],
    [[file("/a/")], ['files."/a/"']],
    [[file("/a//b")], ['files."/a//b"']],
    [[file("/./b")], ['files."/./b"']],
    [[file("/a/..")], ['files."/a/.."']],
    [[file("/...")], []],
    [[file("/a\0b")], ['files."/a\\u0000b"']],
    [[file(`/${"a".repeat(1022)}`)], []],
    [[file(`/${"a".repeat(1023)}`)], [`files."/${"a".repeat(1023)}"`]],
    [[file(`/${"ü".repeat(512)}`)], [`files."/${"ü".repeat(512)}"`]],
    [[file("/nixops4")], ['files."/nixops4"']],
    [[file("/nixops4/token")], ['files."/nixops4/token"']],
    [[file("/nixops4/other")], []],
    [[file("/a"), file("/a")], ['files."/a"']],
    [[file("/a"), file("/a/b")], ['files."/a"']],
    [[file("/a"), file("/ab")], []],
    [[file("/a", { mode: 0o7777 })], []],
    [[file("/a", { mode: 0o10000 })], ['files."/a".mode']],
    [[file("/a", { mode: -1 })], ['files."/a".mode']],
    [[file("/a", { mode: 0 })], []],
    [[file("/a", { mode: 1.5 })], ['files."/a".mode']],
  ])("%j has violations at %j", (files, paths) => {
    expect(pathsOf({ files })).toEqual(paths);
  });

  it("have paths of limited length together", () => {
    const files = [file("/abc"), file("/é")];
    expect(pathsOf({ files }, { ...LIMITS, maxPathBytes: 7 })).toEqual([]);
    expect(pathsOf({ files }, { ...LIMITS, maxPathBytes: 6 })).toEqual(["files"]);
  });
});
