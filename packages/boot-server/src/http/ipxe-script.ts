import { initrdNames, kernelArguments } from "../core/kernel-arguments.ts";
import { Refusal } from "../core/refusal.ts";

// The scripts need iPXE of 2019 or newer. It parses a line as follows (src/core/exec.c, src/image/script.c and
// src/core/settings.c of its sources): it splits the line at white space, then at the words `&&`, `||` and `;` and at a
// word that begins with `#`. After that it expands `${…}` repeatedly.

/** A download fails after this time without progress. */
const TIMEOUT_MS = 60_000;
const SCRIPT_TIMEOUT_MS = 15_000;
const RETRY_SECONDS = 5;
/** Together longer than a restart of the server. */
const INSTALL_RETRIES = 60;
/** After this many failures the machine boots from disk, because the server may never return. */
const SCRIPT_RETRIES = 12;
const GIVE_UP_SECONDS = 30;
const WAIT_SECONDS = 15;

export interface InstallScriptOptions {
  /** The URL of this server, without a slash at the end. */
  baseUrl: string;
  /** In lower case with colons. */
  mac: string;
  entryId: string;
  bootId: string;
  generation: number;
  /** The number of initrds. */
  initrds: number;
  cmdline: string;
  /** iPXE's `platform`. */
  firmware: string;
}

/**
 * Returns the script that is the same for all machines. It requests the script of the machine, and sends the properties of
 * the machine in the query.
 *
 * @param machine the MAC address as in the path. By default, iPXE inserts that of the network card that it booted from.
 */
export function genericScript(baseUrl: string, machine = "${netX/mac:hexhyp}"): string {
  const facts = ["manufacturer", "product", "serial"].map((name) => `${name}=\${${name}:uristring}`);
  const query = ["firmware=${platform}", "architecture=${buildarch}", ...facts].join("&");
  return script([
    "set failures:int32 0",
    ":again",
    // `--replace`: without it, an `exit 1` in the other script would count as a failure to load it.
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
 * Returns the script that loads and starts the installer. It retries a failed step, so that the server may be restarted
 * meanwhile. Refused if iPXE would change the command line.
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
    // Without it, images from a failed attempt would be initrds of a BIOS kernel.
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

/** Returns a script that pauses and then runs the lines of another script. */
export function waitScript(reason: string, next: string): string {
  const [shebang, ...lines] = next.split("\n");
  return [shebang, `echo Waiting: ${onScreen(reason)}`, `sleep ${WAIT_SECONDS} ||`, ...lines].join("\n");
}

/** Returns a script that boots the machine from its disk, in the way that its firmware needs. */
export function localBootScript(options: {
  firmware: string;
  biosLocalBoot: "sanboot" | "exit";
  reason: string;
  /** The pause in which the reason can be read on the screen. Default 0. */
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
  // EFI firmware continues its boot order only after a failure. After a success it shows its menu.
  if (firmware === "efi") return ["exit 1"];
  return bios === "sanboot" ? SANBOOT : ["exit"];
}

function refuseUnprintable(cmdline: string): void {
  // eslint-disable-next-line no-control-regex
  if (/\$\{|[^\x20-\x7e]/.test(cmdline)) {
    throw new Refusal("invalid", "the entry's cmdline contains characters that iPXE would change");
  }
}

/** Quotes an operator of iPXE: a prefix that expands to nothing makes it an ordinary word. */
function literal(word: string): string {
  return /^(&&|\|\||;)$|^#/.test(word) ? `\${nothing}${word}` : word;
}

/** Returns the text as arguments of `echo`. A backslash at the end of a line would join it with the next line. */
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
