import { describe, expect, it } from "@jest/globals";
import { checkBootFiles, type Format, ipxeScript, pxelinuxConfig } from "./loader-files.ts";

const debian = {
  kernel: "debian/linux",
  initrds: ["debian/initrd.gz", "http://192.0.2.1/extra.cpio?machine=1"],
  cmdline: "console=ttyS0 quiet",
};

describe("the file for PXELINUX", () => {
  it("has kernel, command line and all initrds in one line", () => {
    expect(pxelinuxConfig(debian)).toBe(`# Written by nixops4 (pxe-nbp.tftp_entry): changes will be lost.
DEFAULT linux
LABEL linux
  LINUX debian/linux
  APPEND console=ttyS0 quiet
  INITRD debian/initrd.gz,http://192.0.2.1/extra.cpio?machine=1
`);
  });

  it("has no line for what is not there", () => {
    expect(pxelinuxConfig({ kernel: "memtest", initrds: [], cmdline: "" }))
      .toBe(`# Written by nixops4 (pxe-nbp.tftp_entry): changes will be lost.
DEFAULT linux
LABEL linux
  LINUX memtest
`);
  });
});

describe("the script for iPXE", () => {
  it("names the initrds for EFI kernels, and counts from its own folder", () => {
    expect(ipxeScript(debian, "ipxe/01-52-54-00-12-34-56.ipxe")).toBe(`#!ipxe
# Written by nixops4 (pxe-nbp.tftp_entry): changes will be lost.
kernel ../debian/linux initrd=initrd0 initrd=initrd1 console=ttyS0 quiet
initrd --name initrd0 ../debian/initrd.gz
initrd --name initrd1 http://192.0.2.1/extra.cpio?machine=1
boot
`);
  });

  it("leaves absolute paths as they are, and needs no step up in the root", () => {
    const files = { kernel: "/srv/linux", initrds: ["initrd.gz"], cmdline: "" };
    expect(ipxeScript(files, "boot.ipxe")).toBe(`#!ipxe
# Written by nixops4 (pxe-nbp.tftp_entry): changes will be lost.
kernel /srv/linux initrd=initrd0
initrd --name initrd0 initrd.gz
boot
`);
  });
});

describe("refused", () => {
  const violations = (files: Partial<typeof debian>, formats: Format[] = ["pxelinux", "ipxe"]) =>
    checkBootFiles(
      { kernel: "linux", initrds: [], cmdline: "", ...files },
      formats,
      (i) => `initrd[${i}]`,
    ).map(({ path, message }) => `${path}: ${message}`);

  it("is nothing of what both can carry", () => {
    const cmdline = 'init=/nix/store/x-y/init a="b c" d="e" x=a&&b y=$HOME z=1#2';
    expect(violations({ ...debian, cmdline })).toEqual([]);
  });

  it.each([
    ["two\nlines", "cmdline: must be printable ASCII on one line"],
    ["tab\there", "cmdline: must be printable ASCII on one line"],
    ["é", "cmdline: must be printable ASCII on one line"],
    ["a initrd=x", "cmdline: must not contain initrd=, which is added: use the input initrd"],
    ["mac=${mac}", "cmdline: must not contain ${, which iPXE replaces"],
    [
      "a && b",
      "cmdline: must not have &&, ||, ; or a # at the beginning of a word: iPXE ends a command there",
    ],
    ["a ||", "cmdline: must not have &&, ||, ; or a # at the beginning of a word: iPXE ends a command there"],
    [
      "a ; b",
      "cmdline: must not have &&, ||, ; or a # at the beginning of a word: iPXE ends a command there",
    ],
    ["a #b", "cmdline: must not have &&, ||, ; or a # at the beginning of a word: iPXE ends a command there"],
    ["a\\", "cmdline: must not end with a backslash: iPXE goes on with the next line"],
    ['x="a b  c"', "cmdline: must not have two spaces in a row inside quotes: iPXE makes them one"],
    [
      "x".repeat(2048),
      "cmdline: is too long: with what is added for the initrds it has 2048 characters, and kernels take 2047",
    ],
  ])("the command line %j", (cmdline, violation) => {
    expect(violations({ cmdline })).toEqual([violation]);
  });

  it.each([
    ["", "must be printable ASCII without spaces, and not empty"],
    ["my linux", "must be printable ASCII without spaces, and not empty"],
    ["linux\nDEFAULT evil", "must be printable ASCII without spaces, and not empty"],
    ["${net0/mac}", "must not contain ${, which iPXE replaces"],
    ["-n", "must not begin with a hyphen: iPXE takes it for an option"],
    ["192.0.2.1::linux", "must not contain ::, which only PXELINUX knows: use a URL"],
    ["a%20b", "must not contain ?, # or %, which have a meaning in a URL: write a URL"],
    ["x".repeat(128), "must not be longer than 127 characters for PXELINUX"],
  ])("the file name %j", (name, message) => {
    expect(violations({ kernel: name })).toEqual([`kernel: ${message}`]);
    expect(violations({ initrds: ["ok", name] })).toEqual([`initrd[1]: ${message}`]);
  });

  it("is nothing of the longest names and command lines", () => {
    expect(violations({ kernel: "x".repeat(127), initrds: ["y".repeat(127)] })).toEqual([]);
    expect(violations({ cmdline: "x".repeat(2047) })).toEqual([]);
  });

  it.each<[Format[], number, string[]]>([
    [["pxelinux"], 2047 - " initrd=a,b".length, ["a", "b"]],
    [["ipxe"], 2047 - " initrd=initrd0 initrd=initrd1".length, ["a", "b"]],
    [["pxelinux", "ipxe"], 2047 - " initrd=initrd0 initrd=initrd1".length, ["a", "b"]],
    [["pxelinux", "ipxe"], 2047, []],
  ])(
    "for %j is a command line of more than %d characters with the initrds %j",
    (formats, length, initrds) => {
      expect(violations({ cmdline: "x".repeat(length), initrds }, formats)).toEqual([]);
      expect(violations({ cmdline: "x".repeat(length + 1), initrds }, formats)).toEqual([
        "cmdline: is too long: with what is added for the initrds it has 2048 characters, and kernels take 2047",
      ]);
    },
  );

  it("is for one format only what the other can carry", () => {
    const forPxelinux = { kernel: "192.0.2.1::linux", cmdline: "a && ${b}" };
    expect(violations(forPxelinux, ["pxelinux"])).toEqual([]);
    const forIpxe = { initrds: [`${"x".repeat(128)},y`] };
    expect(violations(forIpxe, ["ipxe"])).toEqual([]);
    expect(violations(forIpxe)).toHaveLength(2);
  });
});
