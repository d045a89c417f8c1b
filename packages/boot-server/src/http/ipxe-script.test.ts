import { describe, expect, it } from "@jest/globals";
import { genericScript, installScript, localBootScript, type InstallScriptOptions } from "./ipxe-script.ts";

const BASE = "http://10.0.0.1:8080";

const EFI: InstallScriptOptions = {
  baseUrl: BASE,
  mac: "52:54:00:12:34:56",
  entryId: "web-1",
  bootId: "Zm9v_-9",
  generation: 3,
  initrds: 2,
  cmdline: "init=/nix/store/x/init console=ttyS0,115200",
  firmware: "efi",
};

describe("genericScript", () => {
  it("sends the machine to its own script, and to its disk when nobody answers", () => {
    expect(genericScript(BASE)).toBe(`#!ipxe
set failures:int32 0
:again
chain --autofree --replace --timeout 15000 http://10.0.0.1:8080/machines/\${netX/mac:hexhyp}/boot.ipxe?firmware=\${platform}&architecture=\${buildarch}&manufacturer=\${manufacturer:uristring}&product=\${product:uristring}&serial=\${serial:uristring} ||
inc failures
iseq \${failures} 12 && goto give_up ||
echo Asking again in 5 seconds
sleep 5
goto again
:give_up
echo Booting from disk: the boot server does not answer
iseq \${platform} efi && exit 1 ||
sanboot --no-describe --drive 0x80 || exit
`);
  });

  it("keeps to a machine that was named", () => {
    expect(genericScript(BASE, "52-54-00-12-34-56")).toContain("/machines/52-54-00-12-34-56/boot.ipxe?");
  });
});

describe("installScript", () => {
  it("names the initrds for an EFI kernel, and tries again whatever fails", () => {
    expect(installScript(EFI)).toBe(`#!ipxe
echo Installing web-1, generation 3
set failures:int32 0
set step kernel
:kernel
imgfree
kernel --name kernel --timeout 60000 http://10.0.0.1:8080/machines/52-54-00-12-34-56/kernel initrd=initrd0 initrd=initrd1 initrd=overlay init=/nix/store/x/init console=ttyS0,115200 || goto retry
set step initrd0
:initrd0
initrd --name initrd0 --timeout 60000 http://10.0.0.1:8080/machines/52-54-00-12-34-56/initrd/0 || goto retry
set step initrd1
:initrd1
initrd --name initrd1 --timeout 60000 http://10.0.0.1:8080/machines/52-54-00-12-34-56/initrd/1 || goto retry
set step overlay
:overlay
initrd --name overlay --timeout 60000 http://10.0.0.1:8080/boots/Zm9v_-9/overlay.cpio || goto retry
boot ||
echo The kernel could not be started
goto give_up
:retry
inc failures
iseq \${failures} 60 && goto give_up ||
echo Trying again in 5 seconds
sleep 5
goto \${step}
:give_up
echo Starting over in 30 seconds
sleep 30 ||
reboot
`);
  });

  it("leaves the names out for a BIOS kernel, which gets all images anyway", () => {
    const script = installScript({ ...EFI, firmware: "pcbios", initrds: 0 });
    expect(script).toBe(`#!ipxe
echo Installing web-1, generation 3
set failures:int32 0
set step kernel
:kernel
imgfree
kernel --name kernel --timeout 60000 http://10.0.0.1:8080/machines/52-54-00-12-34-56/kernel init=/nix/store/x/init console=ttyS0,115200 || goto retry
set step overlay
:overlay
initrd --name overlay --timeout 60000 http://10.0.0.1:8080/boots/Zm9v_-9/overlay.cpio || goto retry
boot ||
echo The kernel could not be started
goto give_up
:retry
inc failures
iseq \${failures} 60 && goto give_up ||
echo Trying again in 5 seconds
sleep 5
goto \${step}
:give_up
echo Starting over in 30 seconds
sleep 30 ||
reboot
`);
  });

  it.each([
    ["a comment", "a=1 #b c", "a=1 ${nothing}#b c"],
    ["the words that end a command", "a && b || c ; d", "a ${nothing}&& b ${nothing}|| c ${nothing}; d"],
    ["the same inside a word", "a&&b||c;d x#y $HOME", "a&&b||c;d x#y $HOME"],
    ["the names of others' initrds", "initrd=initrd quiet", "quiet"],
    ["a backslash, which is not at the end of the line", "path=C:\\", "path=C:\\"],
    ["what looks like an option", "--name -- -n", "--name -- -n"],
  ])("passes on %s", (_, cmdline, expected) => {
    expect(kernelLine({ ...EFI, firmware: "pcbios", cmdline })).toBe(
      `kernel --name kernel --timeout 60000 ${BASE}/machines/52-54-00-12-34-56/kernel ${expected} || goto retry`,
    );
  });

  it.each(["a=${net0/ip}", "${", "a\nreboot", "a\rb", "a\tb", "a\0b", "ä"])("refuses %j", (cmdline) => {
    expect(() => installScript({ ...EFI, cmdline })).toThrow(
      "cmdline contains characters that iPXE would change",
    );
  });
});

describe("localBootScript", () => {
  const reason = "it is installed";

  it("fails on EFI, so that the firmware tries the next", () => {
    expect(localBootScript({ firmware: "efi", biosLocalBoot: "sanboot", reason })).toBe(`#!ipxe
echo Booting from disk: it is installed
exit 1
`);
  });

  it("starts the first disk of a BIOS machine", () => {
    expect(localBootScript({ firmware: "pcbios", biosLocalBoot: "sanboot", reason })).toBe(`#!ipxe
echo Booting from disk: it is installed
sanboot --no-describe --drive 0x80 || exit
`);
  });

  it("leaves a BIOS machine to its firmware when asked to", () => {
    expect(localBootScript({ firmware: "pcbios", biosLocalBoot: "exit", reason })).toBe(`#!ipxe
echo Booting from disk: it is installed
exit
`);
  });

  it("shows the reason as text and nothing else, long enough to be read", () => {
    const hostile = "a\nreboot ; b && c || d #e ${net0/mac} ü \\";
    expect(localBootScript({ firmware: "efi", biosLocalBoot: "exit", reason: hostile, pauseSeconds: 10 }))
      .toBe(`#!ipxe
echo Booting from disk: a reboot \${nothing}; b \${nothing}&& c \${nothing}|| d \${nothing}#e {net0/mac}
sleep 10 ||
exit 1
`);
  });
});

function kernelLine(options: InstallScriptOptions): string | undefined {
  return installScript(options)
    .split("\n")
    .find((line) => line.startsWith("kernel "));
}
