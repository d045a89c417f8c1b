import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { binFolder } from "@nixops4-providers/e2e";
import { ServiceLab } from "./service-lab.ts";

const NAMESPACE = `boot-link-local-${process.pid}`;
const CARD = "card0";
const PEER = "card1";

const canRun = process.getuid?.() === 0 && existsSync("/usr/bin/curl");
const suite = canRun ? describe : describe.skip;

suite(`IPv6 without an address but the link's own${canRun ? "" : " (not root, or no curl)"}`, () => {
  let lab: ServiceLab;
  let address: string;

  beforeAll(async () => {
    ip("netns", "add", NAMESPACE);
    inside("ip", "link", "add", CARD, "type", "veth", "peer", "name", PEER);
    for (const card of ["lo", PEER, CARD]) inside("ip", "link", "set", card, "up");
    while (/tentative/.test(inside("ip", "-6", "address", "show", "dev", CARD)));
    address = /inet6 (fe80:\S+)\//.exec(inside("ip", "-6", "address", "show", "dev", CARD))![1]!;
    lab = await ServiceLab.create();
    await writeFile(join(lab.folder, "x.efi"), "a boot program");
    const server = [join(binFolder, "nixops4-boot-server"), "serve", ...lab.flags];
    const flags = ["--tftp-address", "::", "--http-address", "::", "--nbps", `x.efi=${lab.folder}/x.efi`];
    lab.spawn("ip", ["netns", "exec", NAMESPACE, ...server, ...flags]);
    await lab.logged("ready");
  });
  afterAll(async () => {
    await lab.end();
    ip("netns", "delete", NAMESPACE);
  });

  it.each(["http", "tftp"] as const)("has no zone in the URLs of a script that came by %s", (scheme) => {
    const script = inside("curl", "-gsS", `${scheme}://[${address}%${CARD}]:${lab.port(scheme)}/boot.ipxe`);
    expect(script).toContain(` http://[${address}]:${lab.port("http")}/machines/`);
  });

  it("serves boot programs by TFTP", () => {
    const url = `tftp://[${address}%${CARD}]:${lab.port("tftp")}/x.efi`;
    expect(inside("curl", "-gsS", url)).toBe("a boot program");
  });
});

function inside(...command: string[]): string {
  return ip("netns", "exec", NAMESPACE, ...command);
}

function ip(...args: string[]): string {
  return execFileSync("ip", args, { encoding: "utf8" });
}
