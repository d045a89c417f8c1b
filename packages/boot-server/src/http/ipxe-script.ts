import { initrdNames, kernelArguments } from "../core/kernel-arguments.ts";
import { Refusal } from "../core/refusal.ts";

// For iPXE from 2019 on: src/core/exec.c, src/image/script.c and src/core/settings.c of its sources say how a line is
// read. A line is split at white space, then at the words `&&`, `||` and `;`, and at a word that begins with `#`; only
// then `${…}` is expanded, again and again.

/** Without progress for this long, a download counts as failed. */
const TIMEOUT_MS = 60_000;
const SCRIPT_TIMEOUT_MS = 15_000;
const RETRY_SECONDS = 5;
/** Longer than the server takes to start again. */
const INSTALL_RETRIES = 60;
/** A machine whose server is gone for good is to boot from disk. */
const SCRIPT_RETRIES = 12;
const GIVE_UP_SECONDS = 30;
const WAIT_SECONDS = 15;

export interface InstallScriptOptions {
  /** Without a slash at the end. */
  baseUrl: string;
  /** Lower case with colons. */
  mac: string;
  entryId: string;
  bootId: string;
  generation: number;
  /** How many there are. */
  initrds: number;
  cmdline: string;
  /** iPXE's `platform`. */
  firmware: string;
}

/**
 * The script that is the same for all machines: asks for the machine's own, and says what machine it is.
 *
 * @param machine as the path has it; by default iPXE fills in the network card that it booted from.
 */
export function genericScript(baseUrl: string, machine = "${netX/mac:hexhyp}"): string {
  const facts = ["manufacturer", "product", "serial"].map((name) => `${name}=\${${name}:uristring}`);
  const query = ["firmware=${platform}", "architecture=${buildarch}", ...facts].join("&");
  return script([
    "set failures:int32 0",
    ":again",
    // Replaces this script: otherwise an `exit 1` in the other one would look like a failure to load it.
    `chain --autofree --replace --timeout ${SCRIPT_TIMEOUT_MS} ${baseUrl}/machines/${machine}/boot.ipxe?${query} ||`,
    "inc failures",
    `iseq \${failures} ${SCRIPT_RETRIES} && goto give_up ||`,
    `echo Asking again in ${RETRY_SECONDS} seconds`,
    `sleep ${RETRY_SECONDS}`,
    "goto again",
    ":give_up",
    "echo Booting from disk: the boot server does not answer",
    "iseq ${platform} efi && exit 1 ||",
    ...SANBOOT,
  ]);
}

/**
 * Loads and starts the installer. A step that fails is tried again, so that the server may be restarted meanwhile.
 * Refused with a command line that iPXE would change.
 */
export function installScript(options: InstallScriptOptions): string {
  const { baseUrl, mac, entryId, bootId, generation, firmware } = options;
  const machineUrl = `${baseUrl}/machines/${mac.replaceAll(":", "-")}`;
  const initrds = initrdNames(options.initrds);
  refuseUnprintable(options.cmdline);
  const words = kernelArguments(options.initrds, options.cmdline, firmware).map(literal).join(" ");
  const fetch = (command: string, name: string, url: string) =>
    `${command} --name ${name} --timeout ${TIMEOUT_MS} ${url}`;
  return script([
    `echo Installing ${onScreen(entryId)}, generation ${generation}`,
    "set failures:int32 0",
    "set step kernel",
    ":kernel",
    // A BIOS kernel gets every loaded image as an initrd.
    "imgfree",
    `${fetch("kernel", "kernel", `${machineUrl}/kernel`)} ${words} || goto retry`,
    ...initrds.flatMap((name, i) => [
      `set step ${name}`,
      `:${name}`,
      `${fetch("initrd", name, `${machineUrl}/initrd/${i}`)} || goto retry`,
    ]),
    "set step overlay",
    ":overlay",
    `${fetch("initrd", "overlay", `${baseUrl}/boots/${bootId}/overlay.cpio`)} || goto retry`,
    "boot ||",
    "echo The kernel could not be started",
    "goto give_up",
    ":retry",
    "inc failures",
    `iseq \${failures} ${INSTALL_RETRIES} && goto give_up ||`,
    `echo Trying again in ${RETRY_SECONDS} seconds`,
    `sleep ${RETRY_SECONDS}`,
    "goto ${step}",
    ":give_up",
    `echo Starting over in ${GIVE_UP_SECONDS} seconds`,
    `sleep ${GIVE_UP_SECONDS} ||`,
    "reboot",
  ]);
}

/** Pauses, and goes on with another script. */
export function waitScript(reason: string, next: string): string {
  const [shebang, ...lines] = next.split("\n");
  return [shebang, `echo Waiting: ${onScreen(reason)}`, `sleep ${WAIT_SECONDS} ||`, ...lines].join("\n");
}

/** Leaves the machine to its disk, in the way that is right for the firmware. */
export function localBootScript(options: {
  firmware: string;
  biosLocalBoot: "sanboot" | "exit";
  reason: string;
  /** For somebody to read what is on the screen. Default 0. */
  pauseSeconds?: number;
}): string {
  const { firmware, biosLocalBoot, reason, pauseSeconds = 0 } = options;
  return script([
    `echo Booting from disk: ${onScreen(reason)}`,
    ...(pauseSeconds > 0 ? [`sleep ${pauseSeconds} ||`] : []),
    ...localBoot(firmware, biosLocalBoot),
  ]);
}

const SANBOOT = ["sanboot --no-describe --drive 0x80 || exit"];

function localBoot(firmware: string, bios: "sanboot" | "exit"): string[] {
  // EFI firmware takes success as "this was the system", and shows its menu: only a failure has it try the next.
  if (firmware === "efi") return ["exit 1"];
  return bios === "sanboot" ? SANBOOT : ["exit"];
}

function refuseUnprintable(cmdline: string): void {
  // eslint-disable-next-line no-control-regex
  if (/\$\{|[^\x20-\x7e]/.test(cmdline)) {
    throw new Refusal("invalid", "the entry's cmdline has something that iPXE cannot pass on");
  }
}

/** A setting that nobody sets expands to nothing, but the word is no longer iPXE's. */
function literal(word: string): string {
  return /^(&&|\|\||;)$|^#/.test(word) ? `\${nothing}${word}` : word;
}

/** A backslash at the end of a line would join it with the next. */
function onScreen(text: string): string {
  return words(text.replaceAll(/[^\x20-\x7e]|[\\$]/g, " "))
    .map(literal)
    .join(" ");
}

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

function script(lines: string[]): string {
  return ["#!ipxe", ...lines, ""].join("\n");
}
