import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { timeSince } from "@nixops4-providers/test-servers";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium, type Browser, type Locator, type Page } from "playwright-core";
import type { BootCore, MachineFacts, ReportRequest, ServiceStatus } from "../src/core/api.ts";
import { openBootCore } from "../src/service/open-boot-core.ts";
import type { AssetRef, EntrySpec } from "../src/core/model.ts";
import { statusPage, type StatusPage } from "../src/http/status/status-page.ts";

const CHROMIUM = "/usr/bin/chromium";
const ARTEFACTS = join(import.meta.dirname, "..", "test-artifacts");
const MIB = 2 ** 20;
const SCHEMES = ["light", "dark"] as const;
const PAGE_WIDTH = "document.documentElement.scrollWidth";
const WIDTHS = { desktop: 1280, phone: 360 };

const UEFI: Omit<MachineFacts, "address"> = {
  firmware: "efi",
  architecture: "x86_64",
  manufacturer: "Dell Inc.",
  product: "PowerEdge R640",
  serial: "7XKJ2Q3",
};

let folder: string;
let core: BootCore;
let handle: StatusPage;
let server: Server;
let connections: Socket[];
let url: string;
/** The offset of the core's clock. */
let agoMs: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "status-page-test-"));
  agoMs = 0;
  core = await openBootCore({
    folder,
    clock: { now: () => Date.now() - agoMs, uptime: () => performance.now() },
  });
  handle = statusPage(core);
  server = createServer((request, response) => {
    void handle(request, response).then((done) => done || response.writeHead(404).end());
  });
  connections = [];
  server.on("connection", (socket) => connections.push(socket));
  await listen(0);
  url = `http://127.0.0.1:${port()}/`;
});

afterEach(async () => {
  await stopListening();
  await core.close();
  await rm(folder, { recursive: true });
});

const hasChromium = existsSync(CHROMIUM);
const inChromium = hasChromium ? describe : describe.skip;

inChromium(hasChromium ? "in Chromium" : "in Chromium (skipped: no /usr/bin/chromium)", () => {
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    await mkdir(ARTEFACTS, { recursive: true });
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: WIDTHS.desktop, height: 900 } });
    page.setDefaultTimeout(10_000);
    complaints = [];
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(String(error)));
  });
  afterEach(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });

  it("follows a machine from its entry to a failed install, without a reload", async () => {
    await open();
    await page.evaluate("globalThis.notReloaded = true");
    await page.getByText("No machine yet").waitFor();

    await putEntry("web");
    const card = cardOf("web");
    await badge(card, "Armed");
    expect(await page.getByText("No machine yet").isVisible()).toBe(false);
    expect(await card.getByText("never seen").count()).toBe(1);

    const install = await boot("web", "10.0.0.51");
    await badge(card, "Booting");
    core.sighted({ mac: macOf("web"), text: "kernel", download: download("kernel", 3, 12) });
    await card.getByText("3.0 MiB of 12 MiB").waitFor();
    const bar = card.getByRole("progressbar", { name: "kernel, web" });
    expect(await valueOf(bar)).toEqual([3 * MIB, 12 * MIB]);
    core.sighted({ mac: macOf("web"), text: "kernel", download: download("kernel", 12, 12) });
    core.sighted({ mac: macOf("web"), text: "initrd", download: download("initrd", 103, 412) });
    await card.getByText("103 MiB of 412 MiB").waitFor();
    expect(await valueOf(bar)).toEqual([12 * MIB, 12 * MIB]);

    await install.claim();
    await badge(card, "Installing");
    await install.report({
      stage: "Copying the system",
      percent: 42,
      message: "12 of 30 paths",
      log: ["a", "b"],
    });
    const installBar = card.getByRole("progressbar", { name: "Copying the system, web" });
    await installBar.waitFor();
    expect(await valueOf(installBar)).toEqual([42, 100]);
    await card.getByText("12 of 30 paths", { exact: true }).waitFor();
    expect(await card.locator("pre").textContent()).toBe("a\nb");

    await install.report({
      stage: "Boot loader",
      message: "no space left",
      log: ["b", "c"],
      outcome: "failed",
    });
    await badge(card, "Failed");
    await card.getByText("raise installGeneration to 2").waitFor();
    expect(await page.title()).toBe("1 needs attention · Boot server");
    expect(await page.locator("#announcement").textContent()).toBe("web: Failed");
    expect(await page.evaluate("globalThis.notReloaded")).toBe(true);
  });

  it("moves what needs attention to the top, shows the unknown, and forgets what is deleted", async () => {
    await putEntry("a");
    await putEntry("b");
    const install = await boot("b");
    await install.claim();
    core.sighted({ mac: "52:54:00:ff:00:01", address: "10.0.0.200", text: "ipxe.efi" });
    await open();
    expect(await names()).toEqual(["b", "a", "52:54:00:ff:00:01"]);

    await putEntry("c");
    const other = await boot("c");
    await other.claim();
    await other.report({ stage: "Partitioning", outcome: "failed" });
    await badge(cardOf("c"), "Failed");
    expect(await names()).toEqual(["c", "b", "a", "52:54:00:ff:00:01"]);

    const undeclared = page.locator('[data-key="52:54:00:ff:00:01"]');
    const line = 'name = { mac = "52:54:00:ff:00:01"; ip = "ADDRESS"; };';
    expect(await undeclared.locator(".copyable code").textContent()).toBe(line);
    await undeclared.getByRole("button").click();
    expect(await page.locator("#announcement").textContent()).toBe(`Copied ${line}`);
    expect(await page.evaluate("String(getSelection())")).toBe(line);

    await core.deleteEntry("a");
    await cardOf("a").waitFor({ state: "detached" });
  });

  it("says how to log in to a machine that is installed: at its own address, not that of its network boot", async () => {
    await putEntry("web", { login: "root@10.0.0.11" });
    const install = await boot("web");
    await install.claim();
    await open();
    await badge(cardOf("web"), "Installing");
    expect(await cardOf("web").locator(".copyable").count()).toBe(0);
    await install.report({ stage: "finish", outcome: "installed" });
    await badge(cardOf("web"), "Installed");
    expect(await cardOf("web").locator(".copyable code").textContent()).toBe("ssh root@10.0.0.11");
  });

  it("keeps focus, open details and scrolling through updates, also where the card moves", async () => {
    for (const id of ["a", "b", "c"]) await putEntry(id);
    await (await boot("a")).claim();
    const install = await boot("b");
    await install.claim();
    const log = (from: number) => Array.from({ length: 50 }, (_, i) => `line ${i + from} ${"x".repeat(300)}`);
    await install.report({ stage: "One", log: log(0) });
    await open();
    const card = cardOf("b");
    const box = card.locator("pre");
    const details = card.locator("details.details");
    await details.locator("summary").click();
    await box.evaluate((box) => box.scrollTo(40, 120));
    await box.focus();
    expect(await names()).toEqual(["a", "b", "c"]);

    const inBox = () => box.evaluate((box) => [box.matches(":focus"), box.scrollLeft, box.scrollTop]);
    await install.report({ stage: "Two", log: log(1) });
    await card.getByText("Two", { exact: true }).waitFor();
    expect(await inBox()).toEqual([true, 40, 120]);
    await install.report({ stage: "Three", log: log(2), outcome: "failed" });
    await badge(card, "Failed");
    expect(await names()).toEqual(["b", "a", "c"]);
    expect(await inBox()).toEqual([true, 40, 120]);
    expect(await details.evaluate((element) => element.open)).toBe(true);
  });

  it("leaves a log that was closed closed, and follows one that was at its end", async () => {
    await putEntry("a");
    const install = await boot("a");
    await install.claim();
    const lines = (count: number) => Array.from({ length: count }, (_, i) => `line ${i}`);
    await install.report({ stage: "One", log: lines(30) });
    await open();
    const log = cardOf("a").locator("details.log");
    const atEnd = () =>
      log
        .locator("pre")
        .evaluate((box) => box.scrollTop > 0 && box.scrollTop + box.clientHeight >= box.scrollHeight - 1);
    expect(await atEnd()).toBe(true);
    await install.report({ stage: "Two", log: lines(10) });
    await cardOf("a").getByText("40 lines").waitFor();
    expect(await atEnd()).toBe(true);

    await log.locator("summary").click();
    await install.report({ stage: "Three", log: lines(1), outcome: "failed" });
    await badge(cardOf("a"), "Failed");
    expect(await log.evaluate((element) => element.open)).toBe(false);
  });

  it("can be used by keyboard alone", async () => {
    await putEntry("a");
    const install = await boot("a");
    await open();
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("To the machines");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Details of a");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.ariaLabel")).toBe("Timeline of a");
    await page.keyboard.press("Shift+Tab");

    await install.claim();
    await install.report({ stage: "One", log: ["line"] });
    await badge(cardOf("a"), "Installing");
    await cardOf("a").locator("pre").waitFor();
    expect(await focused()).toBe("Details of a");
    expect(
      await cardOf("a")
        .locator("details.details")
        .evaluate((element) => element.open),
    ).toBe(true);
    await page.keyboard.press("Space");
    expect(
      await cardOf("a")
        .locator("details.details")
        .evaluate((element) => element.open),
    ).toBe(false);
  });

  it("says that the connection is lost, and has everything once it is back", async () => {
    await putEntry("a");
    await open();
    const { port: samePort } = server.address() as AddressInfo;
    await stopListening();
    await page
      .locator('#connection[data-state="lost"]', { hasText: "Connection lost, reconnecting" })
      .waitFor();
    await putEntry("b");
    await core.deleteEntry("a");
    await listen(samePort);
    await page.locator('#connection[data-state="live"]').waitFor();
    expect(await names()).toEqual(["b"]);
    const refused = complaints.filter((complaint) => !complaint.includes("ERR_"));
    expect(refused).toEqual([]);
    complaints = [];
  });

  it("works without JavaScript", async () => {
    await putEntry("a");
    const context = await browser.newContext({ javaScriptEnabled: false });
    const plain = await context.newPage();
    await plain.goto(url);
    expect(await plain.locator(".machine h2").allTextContents()).toEqual(["a"]);
    expect(await plain.locator("noscript p").isVisible()).toBe(true);
    expect(await plain.locator('meta[http-equiv="refresh"]').count()).toBe(1);
    await context.close();
  });

  it("shows hostile texts as text, and they break nothing", async () => {
    const hostile = [
      `<script>document.title = "broken"</script><img src=x onerror='document.title = "broken"'>`,
      `"'><svg onload=alert(1)></details></li></ul></main>`,
      "\u0000\u001b[31mred\u001b[0m\u0007\b\r\n</pre><b>",
      "\u202egnp.exe \u05e9\u05dc\u05d5\u05dd \u2066",
      "x".repeat(100_000),
      "&lt;script&gt; ${page} %00 \ud800",
    ];
    for (const [i, text] of hostile.entries()) {
      const id = `machine-${i}`;
      await putEntry(id);
      const facts = { ...UEFI, manufacturer: text, product: text, serial: text, firmware: text };
      const install = await boot(id, "10.0.0.9", facts);
      core.sighted({ mac: macOf(id), text, download: { name: text, sent: 1, size: 2 } });
      await install.claim();
      await install.report({ stage: text, percent: 10, message: text, log: [text, text] });
      core.sighted({
        mac: `52:54:00:ff:00:0${i}`,
        address: text,
        text,
        download: { name: text, sent: 5, size: -1 },
      });
    }
    await page.setViewportSize({ width: WIDTHS.phone, height: 800 });
    await open();
    await page.locator("details").evaluateAll((list) => {
      for (const details of list) details.open = true;
    });
    expect(await page.locator("main script, main img, main svg, main b").count()).toBe(0);
    expect(await page.locator("main .machine").count()).toBe(2 * hostile.length);
    expect(await page.evaluate(PAGE_WIDTH)).toBe(WIDTHS.phone);
    await page.getByText(hostile[0]!.slice(0, 30)).first().waitFor();

    await (await boot("machine-1", "10.0.0.9").catch(() => undefined))?.claim();
    core.sighted({ mac: macOf("machine-0"), text: hostile[1]! });
    await cardOf("machine-0").locator(".timeline").getByText(hostile[1]!).waitFor();
    expect(await page.locator("main script, main img, main svg, main b").count()).toBe(0);
    expect(await page.title()).toContain("Boot server");
  });

  it.each(SCHEMES)(
    "has no finding of axe in the %s scheme, and is kept as a picture",
    async (colorScheme) => {
      await allConditions();
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      for (const [name, width] of Object.entries(WIDTHS)) {
        await page.setViewportSize({ width, height: 900 });
        await open();
        await cardOf("database").locator("details.details summary").click();
        expect(await page.evaluate(PAGE_WIDTH)).toBe(width);
        expect(await axe(page)).toEqual([]);
        await page.screenshot({ path: join(ARTEFACTS, `status-${name}-${colorScheme}.png`), fullPage: true });
      }
    },
  );

  it("has no finding of axe when there is no machine", async () => {
    await open();
    expect(await axe(page)).toEqual([]);
    await page.setViewportSize({ width: WIDTHS.phone, height: 800 });
    expect(await page.evaluate(PAGE_WIDTH)).toBe(WIDTHS.phone);
    await page.screenshot({ path: join(ARTEFACTS, "status-empty.png"), fullPage: true });
  });

  it("keeps up with 200 machines", async () => {
    const ids = Array.from({ length: 200 }, (_, i) => `machine-${String(i).padStart(3, "0")}`);
    for (const id of ids) await putEntry(id);
    const installs = await Promise.all(ids.map((id, i) => boot(id, `10.0.1.${i}`)));
    for (const install of installs) await install.claim();
    const log = Array.from(
      { length: 50 },
      (_, i) => `line ${i} of a log of ordinary length, as installers write them`,
    );
    for (const install of installs) await install.report({ stage: "Copying", percent: 1, log });
    const startedAt = Date.now();
    await open();
    expect(await page.locator(".machine").count()).toBe(200);
    expect(await timeSince(startedAt)).toBeLessThan(5_000);
    const loadedAt = Date.now();
    await Promise.all(installs.map((install) => install.report({ stage: "Copying", percent: 50, log })));
    await page.locator('.stage + .progress > [value="50"]').nth(199).waitFor({ timeout: 120_000 });
    expect(await timeSince(loadedAt)).toBeLessThan(8_000);
  }, 240_000);

  async function open(): Promise<void> {
    await page.goto(url);
    await page.locator('#connection[data-state="live"]').waitFor();
  }

  function cardOf(id: string): Locator {
    return page.locator(`[data-key="entry ${id}"]`);
  }

  function names(): Promise<string[]> {
    return page.locator(".machine h2").allTextContents();
  }

  function focused(): Promise<string> {
    return page.evaluate<string>("document.activeElement.textContent.trim().replaceAll(/\\s+/g, ' ')");
  }
});

describe("over HTTP", () => {
  it("answers what is about the status, and leaves the rest to others", async () => {
    await putEntry("a");
    const head = await fetch(url, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    expect(head.headers.get("content-security-policy")).toMatch(/^default-src 'none'; script-src 'sha256-/);
    const post = await fetch(url, { method: "POST" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    for (const path of ["boot.ipxe", "status", "status.json/", "/", "status/events/x"]) {
      expect((await fetch(`${url}${path}`)).status).toBe(404);
    }
    const status = (await (await fetch(`${url}status.json`)).json()) as ServiceStatus;
    expect(status.machines).toEqual([
      expect.objectContaining({
        mac: macOf("a"),
        entry: expect.objectContaining({ id: "a", phase: "armed" }),
      }),
    ]);
  });

  it("shows no secret: not in the page, not in the JSON, not in the events", async () => {
    const secret = "a-secret-that-nobody-may-see";
    const events = await listenToEvents("nothing");
    const contents = Buffer.from(secret).toString("base64");
    await putEntry("a", { files: [{ path: "/key", contents, mode: 0o600, secret: true }] });
    const install = await boot("a");
    const { token } = core.overlay(install.bootId, "10.0.0.9");
    await install.claim();
    await install.report({ stage: secret, message: `the key is ${secret}`, log: [secret, token] });
    await events.until("entry a", "the key is");
    const page = await (await fetch(url)).text();
    const json = await (await fetch(`${url}status.json`)).text();
    for (const text of [page, json, events.text()]) {
      expect(text).toContain("the key is");
      for (const hidden of [secret, contents, token, install.bootId, INSTALLER_BOOT_ID]) {
        expect(text).not.toContain(hidden);
      }
    }
    events.socket.destroy();
  });

  it("sends only what has changed since the revision that is named", async () => {
    await putEntry("a");
    await putEntry("b");
    const first = await listenToEvents("");
    await first.until("event: change");
    const revision = /^id: (.+)$/m.exec(first.text())![1]!;
    await putEntry("b", { installGeneration: 2 });
    for (const events of [
      await listenToEvents(revision),
      await listenToEvents("", `Last-Event-ID: ${revision}\r\n`),
    ]) {
      await events.until("event: change");
      expect(events.text()).toContain('"cards":{"entry b":');
      events.socket.destroy();
    }
    first.socket.destroy();
  });

  it("takes 64 watchers, refuses more, and has room again when one goes", async () => {
    const watchers = await Promise.all(Array.from({ length: 64 }, () => listenToEvents("")));
    await Promise.all(watchers.map((watcher) => watcher.until("event: ")));
    const refused = await fetch(`${url}status/events`);
    expect(refused.status).toBe(503);
    await refused.text();
    watchers.pop()!.socket.destroy();
    for (let status = 503; status === 503; await sleep(20)) {
      const response = await fetch(`${url}status/events`);
      ({ status } = response);
      await response.body?.cancel();
    }
    const another = await listenToEvents("");
    await another.until("200 OK");
    for (const { socket } of [...watchers, another]) socket.destroy();
  });

  it("buffers at most one message for a page that does not read, which then catches up", async () => {
    const log = Array.from({ length: 50 }, () => "x".repeat(500));
    for (let i = 0; i < 40; i++) {
      const install = await (await putEntry(`machine-${i}`), boot(`machine-${i}`));
      await install.claim();
      await install.report({ stage: "One", log });
    }
    const lazy = await listenToEvents("");
    lazy.socket.pause();
    await sleep(200);
    let most = 0;
    for (let round = 0; round < 12; round++) {
      for (let i = 0; i < 40; i++) {
        core.sighted({ mac: macOf(`machine-${i}`), text: `round ${round}` });
      }
      await sleep(550);
      most = Math.max(most, connections[0]!.writableLength);
    }
    const message = (await (await fetch(url)).text()).length;
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(3 * message);
    lazy.socket.resume();
    await lazy.until("round 11");
    lazy.socket.destroy();
  });

  it("says with every heartbeat that it is alive", async () => {
    handle = statusPage(core, { heartbeatMs: 100 });
    const events = await listenToEvents("");
    const alive = () => events.text().match(/^event: alive\ndata: \{"at":\d+\}$/gm)?.length ?? 0;
    while (alive() < 3) await sleep(20);
    events.socket.destroy();
  });

  it("drops a page that does not read from one heartbeat to the next", async () => {
    handle = statusPage(core, { heartbeatMs: 500 });
    const lazy = await listenToEvents("");
    await lazy.until("event: alive");
    const deadline = Date.now() + 10_000;
    const [connection] = connections;
    lazy.socket.pause();
    while (!connection!.destroyed) {
      expect(Date.now()).toBeLessThan(deadline);
      // Soon larger than the kernel's buffers for a connection.
      for (let i = 0; i < 2_000; i++) {
        core.sighted({ mac: macOf(`undeclared ${i % 200}`), text: `${i} ${"x".repeat(500)}` });
      }
      await sleep(300);
    }
    lazy.socket.destroy();
  });

  it("ends the event streams when it is closed", async () => {
    const events = await listenToEvents("");
    await events.until("event: ");
    handle.close();
    await events.until("\r\n0\r\n\r\n");
  });
});

const INSTALLER_BOOT_ID = "8d7c0a3e-3f0c-4a57-9d6d-2f3d0f5b7c11";

async function putEntry(id: string, more: Partial<EntrySpec> = {}): Promise<void> {
  const kernel = await asset("a kernel");
  await core.putEntry({
    id,
    macs: [macOf(id)],
    architecture: "x86_64",
    kernel,
    initrds: [],
    cmdline: "",
    files: [],
    installGeneration: 1,
    onInterrupted: "hold",
    biosLocalBoot: "sanboot",
    expireSeconds: 86_400,
    silenceSeconds: 3_600,
    ...more,
  });
}

async function asset(text: string): Promise<AssetRef> {
  const bytes = Buffer.from(text);
  const reference = { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
  const [missing] = await core.findMissingAssets([{ asset: reference, storePath: "" }]);
  if (missing !== undefined) await core.addAsset(reference, Readable.from([bytes]));
  return reference;
}

interface Install {
  bootId: string;
  claim(): Promise<unknown>;
  report(report: Omit<ReportRequest, "bootId">): Promise<void>;
}

/** Simulates the requests of a machine and its installer to the core. */
async function boot(id: string, address = "10.0.0.9", facts = UEFI): Promise<Install> {
  const decision = await core.startBoot(macOf(id), { address, ...facts });
  if (decision.kind !== "install") throw new Error(decision.reason);
  const { token } = core.overlay(decision.bootId, address);
  const bootId = INSTALLER_BOOT_ID;
  return {
    bootId: decision.bootId,
    claim: () => core.claim(id, { token, bootId, address }),
    report: (report) => core.report(id, token, { bootId, ...report }),
  };
}

/** Returns the MAC address of an entry. */
function macOf(id: string): string {
  const digits = createHash("sha256").update(id).digest("hex");
  return `52:54:00:${digits.slice(0, 2)}:${digits.slice(2, 4)}:${digits.slice(4, 6)}`;
}

function download(name: string, sent: number, size: number): { name: string; sent: number; size: number } {
  return { name, sent: sent * MIB, size: size * MIB };
}

/** Creates a machine in each condition. */
async function allConditions(): Promise<void> {
  const log = Array.from(
    { length: 30 },
    (_, i) => `[${(12 + i * 0.7).toFixed(3)}] copying path '/nix/store/${"0a1b2c3d".repeat(4)}-package-${i}'`,
  );
  const minutesAgo = (minutes: number) => (agoMs = minutes * 60_000);
  minutesAgo(600);
  for (const id of ["hypervisor-a", "hypervisor-b", "database", "mail", "web", "landscaper"])
    await putEntry(id);
  await putEntry("router", { macs: ["52:54:00:aa:00:01", "52:54:00:aa:00:02"] });
  const fetched = (id: string, name: string, size: number) =>
    core.sighted({ mac: macOf(id), text: `Fetched ${name}`, download: download(name, size, size) });
  const netboot = async (id: string, address: string) => {
    fetched(id, "snponly.efi", 0.2);
    const install = await boot(id, address);
    fetched(id, "kernel", 12);
    return install;
  };
  const install = async (id: string, address: string) => {
    const install = await netboot(id, address);
    fetched(id, "initrd", 412);
    fetched(id, "overlay", 0.01);
    await install.claim();
    return install;
  };
  minutesAgo(140);
  const installed = await install("landscaper", "10.0.0.54");
  await installed.report({ stage: "Done", percent: 100, log, outcome: "installed" });
  minutesAgo(12);
  const failed = await install("database", "10.0.0.53");
  await failed.report({
    stage: "Partitioning",
    percent: 10,
    message: "the disk has data, and wipe is not set",
    log: log.slice(0, 4),
    outcome: "failed",
  });
  core.sighted({
    mac: macOf("web"),
    address: "10.0.0.56",
    text: "Is of architecture arm64, and the entry is for x86_64",
    problem: "wrong-architecture",
  });
  await core.startBoot("52:54:00:12:34:99", {
    address: "10.0.0.77",
    ...UEFI,
    manufacturer: "QEMU",
    product: "Standard PC (Q35)",
  });
  minutesAgo(3);
  const installing = await install("hypervisor-a", "10.0.0.51");
  minutesAgo(0.4);
  await netboot("hypervisor-b", "10.0.0.52");
  core.sighted({ mac: macOf("hypervisor-b"), text: "initrd", download: download("initrd", 188, 412) });
  minutesAgo(0.1);
  await installing.report({ stage: "Copying the system", percent: 42, message: "2114 of 5020 paths", log });
  minutesAgo(0);
}

async function badge(card: Locator, text: string): Promise<void> {
  await card.locator(".badge", { hasText: text }).waitFor();
}

async function valueOf(bar: Locator): Promise<number[]> {
  return bar.evaluate((bar) => [bar.value, bar.max]);
}

async function axe(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  return page.evaluate<string[]>(
    `axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ": " + html + failureSummary)))`,
  );
}

interface EventStream {
  socket: Socket;
  text(): string;
  until(...parts: string[]): Promise<void>;
}

async function listenToEvents(after: string, headers = ""): Promise<EventStream> {
  const socket = connect(port(), "127.0.0.1");
  socket.setEncoding("utf8");
  let text = "";
  socket.on("data", (data: string) => (text += data));
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(`GET /status/events?after=${after} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
  const until = async (...parts: string[]) => {
    const deadline = Date.now() + 10_000;
    while (!parts.every((part) => text.includes(part))) {
      if (Date.now() > deadline) throw new Error(`no ${parts.join(" and ")} in:\n${text}`);
      await sleep(20);
    }
  };
  return { socket, text: () => text, until };
}

async function listen(onPort: number): Promise<void> {
  server.listen(onPort, "127.0.0.1");
  await once(server, "listening");
}

async function stopListening(): Promise<void> {
  handle.close();
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

function port(): number {
  return (server.address() as AddressInfo).port;
}
