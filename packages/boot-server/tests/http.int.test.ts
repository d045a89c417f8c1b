import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { seededRandom, timeSince } from "@nixops4-providers/test-servers";
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import type { BootCore } from "../src/core/api.ts";
import { openBootCore } from "../src/service/open-boot-core.ts";
import type { AssetRef, EntrySpec } from "../src/core/model.ts";
import {
  startHttpServer,
  type HttpAccess,
  type HttpServer,
  type HttpServerOptions,
} from "../src/http/server.ts";

const run = promisify(execFile);
const MIB = 2 ** 20;
/** Larger than the buffers of the operating system for a client that does not read. */
const LARGE = 24 * MIB;
const KERNEL = randomBytes(8 * MIB + 1);
const INITRDS = [randomBytes(MIB + 1), randomBytes(4096)];
const BOOT_ID = "0b9e8b1c-6a2f-4c6e-9b61-0f4c9a3f7a11";
const SECRET = "an ssh host key";
const EFI = "firmware=efi&architecture=x86_64";

let folder: string;
let core: BootCore;
let server: HttpServer;
let base: string;
let specOf: (id: string, change?: Partial<EntrySpec>) => EntrySpec;
const accesses: HttpAccess[] = [];
const warnings: string[] = [];

const programs = ["curl", "cpio"];
const missing = programs.filter((name) => !existsSync(`/usr/bin/${name}`));
const suite = missing.length === 0 ? describe : describe.skip;
const because = missing.length === 0 ? "" : ` (no ${missing.join(", ")})`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "http-test-"));
  core = await openBootCore({ folder: join(folder, "store"), limits: { maxOverlayBytes: 64 * MIB } });
  const kernel = await addAsset(KERNEL);
  const initrds = await Promise.all(INITRDS.map(addAsset));
  specOf = (id, change) => ({
    id,
    macs: [nextMac()],
    architecture: "x86_64",
    kernel,
    initrds,
    cmdline: "console=ttyS0",
    files: [overlayFile("/etc/ssh/key", SECRET, 0o600), overlayFile("/etc/motd", "hello", 0o644)],
    installGeneration: 3,
    onInterrupted: "hold",
    biosLocalBoot: "sanboot",
    expireSeconds: 3600,
    silenceSeconds: 3600,
    ...change,
  });
  await writeFile(join(folder, "ipxe.efi"), KERNEL.subarray(0, 1000));
  server = await start({
    nbps: new Map([
      ["ipxe.efi", join(folder, "ipxe.efi")],
      ["gone.efi", join(folder, "gone.efi")],
    ]),
    metrics: async () => ({ contentType: "text/plain; version=0.0.4", text: "up 1\n" }),
    statusPage: async (req, res) => {
      if (req.url === "/") res.end("page");
      else return false;
      return true;
    },
  });
  base = `http://127.0.0.1:${server.port}`;
});

afterAll(async () => {
  await server.stop({ graceSeconds: 0 });
  await core.close();
  await rm(folder, { recursive: true });
});

suite(`with curl${because}`, () => {
  it("goes all the way from the generic script to the installed machine, and then to its disk", async () => {
    const spec = await put("whole");
    const mac = spec.macs[0]!.replaceAll(":", "-");
    const machine = `${base}/machines/${mac}`;

    const generic = await curl(`${base}/boot.ipxe`);
    expect(generic.text).toContain(`${base}/machines/\${netX/mac:hexhyp}/boot.ipxe?firmware=\${platform}`);

    const script = await curl(`${machine}/boot.ipxe?${EFI}&manufacturer=QEMU&product=pc%20x&serial=`);
    expect(script.status).toBe(200);
    expect(script.text).toContain("initrd=initrd0 initrd=initrd1 initrd=overlay console=ttyS0");
    const [kernelUrl, ...initrdUrls] = urlsIn(script.text);
    const overlayUrl = initrdUrls.pop()!;

    expect((await curl(kernelUrl!)).body.equals(KERNEL)).toBe(true);
    expect((await curl(kernelUrl!)).body.equals(KERNEL)).toBe(true);
    const [first, second] = await Promise.all(initrdUrls.map(async (url) => curl(url)));
    expect(first!.body.equals(Buffer.concat([INITRDS[0]!, Buffer.alloc(3)]))).toBe(true);
    expect(second!.body.equals(INITRDS[1]!)).toBe(true);

    const overlay = await curl(overlayUrl);
    expect(overlay.headers).toMatch(/cache-control: no-store/i);
    const files = await unpack(overlay.body);
    expect(await readFile(join(files, "etc/ssh/key"), "utf8")).toBe(SECRET);
    expect((await stat(join(files, "etc/ssh/key"))).mode & 0o7777).toBe(0o600);
    expect((await stat(join(files, "etc/motd"))).mode & 0o7777).toBe(0o644);
    expect((await stat(join(files, "etc/ssh"))).mode & 0o7777).toBe(0o755);
    expect((await stat(join(files, "nixops4/token"))).mode & 0o7777).toBe(0o600);
    expect((await readFile(join(files, "nixops4/generation"), "utf8")).trim()).toBe("3");
    const token = (await readFile(join(files, "nixops4/token"), "utf8")).trim();
    const job = (await readFile(join(files, "nixops4/job-url"), "utf8")).trim();
    expect(job).toBe(`${base}/jobs/whole`);

    expect((await post(`${job}/claim`, token, { bootId: BOOT_ID })).json).toEqual({
      generation: 3,
      attempt: 1,
    });
    expect((await post(`${job}/claim`, token, { bootId: BOOT_ID })).json).toEqual({
      generation: 3,
      attempt: 1,
    });
    expect((await post(`${job}/claim`, token, { bootId: "other" })).status).toBe(409);

    for (const [url, status] of [
      [kernelUrl!, 409],
      [initrdUrls[0]!, 409],
      [overlayUrl, 409],
      [`${machine}/initrd/0`, 409],
    ] as const) {
      expect(await curl(url)).toMatchObject({ status });
      expect(await curl(url, "--head")).toMatchObject({ status });
    }
    const progress = { bootId: BOOT_ID, stage: "copy", percent: 12.5, message: "half", log: ["a", "b"] };
    expect(await post(`${job}/report`, token, progress)).toMatchObject({ status: 200, json: {} });
    expect(core.getEntry("whole")).toMatchObject({
      phase: "installing",
      report: { stage: "copy", percent: 12.5 },
    });
    const end = { bootId: BOOT_ID, stage: "done", outcome: "installed" };
    expect((await post(`${job}/report`, token, end)).status).toBe(200);
    expect((await post(`${job}/report`, token, end)).status).toBe(200);
    expect(core.getEntry("whole")?.phase).toBe("installed");

    const efi = await curl(`${machine}/boot.ipxe?${EFI}`);
    expect(efi.text).toBe("#!ipxe\necho Booting from disk: it is installed\nexit 1\n");
    const bios = await curl(`${machine}/boot.ipxe?firmware=pcbios&architecture=i386`);
    expect(bios.text).toContain("sanboot --no-describe --drive 0x80 || exit\n");
    expect((await curl(kernelUrl!)).status).toBe(409);

    const seen = core.status().machines.find((one) => one.mac === spec.macs[0]);
    expect(seen?.downloads).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "kernel", sent: KERNEL.length, size: KERNEL.length }),
        expect.objectContaining({ name: "initrd 0", sent: MIB + 4, size: MIB + 4 }),
        expect.objectContaining({ name: "overlay", sent: overlay.body.length }),
      ]),
    );
    const logged = JSON.stringify(accesses) + JSON.stringify(warnings) + JSON.stringify(core.status());
    const bootId = /boots\/([^/]+)/.exec(overlayUrl)![1]!;
    for (const secret of [token, bootId, SECRET, Buffer.from(SECRET).toString("base64"), "manufacturer="]) {
      expect(logged).not.toContain(secret);
    }
    expect(logged).toContain("/boots/…/overlay.cpio");
  });

  it("resumes what was cut off", async () => {
    const url = `${await machineUrl("resume")}/kernel`;
    const target = join(folder, "resumed");
    await run("sh", ["-c", 'curl -s "$1" | head -c 3000000 > "$2"', "sh", url, target]);
    expect((await stat(target)).size).toBe(3_000_000);
    await run("curl", ["-sSf", "-C", "-", "-o", target, url]);
    expect((await readFile(target)).equals(KERNEL)).toBe(true);
  });

  it("resumes within the zeros at the end of an initrd", async () => {
    const url = `${await machineUrl("zeros")}/initrd/0`;
    const whole = Buffer.concat([INITRDS[0]!, Buffer.alloc(3)]);
    for (const from of [MIB - 5, MIB + 1, MIB + 3]) {
      const answer = await curl(url, "-r", `${from}-`);
      expect(answer.status).toBe(206);
      expect(answer.body.equals(whole.subarray(from))).toBe(true);
    }
    expect((await curl(url, "-r", `${MIB + 4}-`)).status).toBe(416);
  });

  it("has the same headers for HEAD, and no body", async () => {
    const url = await machineUrl("head");
    for (const path of ["kernel", "initrd/0", "initrd/1"]) {
      const [head, get] = [await curl(`${url}/${path}`, "--head"), await curl(`${url}/${path}`)];
      expect(withoutDate(head.headers)).toBe(withoutDate(get.headers));
      expect(head.headers).toMatch(new RegExp(`content-length: ${get.body.length}\r\n`, "i"));
      expect(head.headers).toMatch(/accept-ranges: bytes\r\n/i);
    }
    const events = core.cursor;
    expect((await curl(`${url}/boot.ipxe?${EFI}`, "--head")).status).toBe(200);
    expect(core.cursor).toBe(events);
  });

  it("answers ranges and conditions", async () => {
    const url = `${await machineUrl("ranges")}/kernel`;
    const tag = `"${createHash("sha256").update(KERNEL).digest("hex")}"`;
    const part = await curl(url, "-r", "100-199");
    expect(part.status).toBe(206);
    expect(part.headers).toContain(`Content-Range: bytes 100-199/${KERNEL.length}`);
    expect(part.body.equals(KERNEL.subarray(100, 200))).toBe(true);
    for (const range of ["100-199", `${KERNEL.length}-`]) {
      const head = await curl(url, "--head", "-r", range);
      expect(head.status).toBe(200);
      expect(head.headers).toMatch(new RegExp(`content-length: ${KERNEL.length}\r\n`, "i"));
      expect(head.headers).not.toMatch(/content-range/i);
    }
    expect((await curl(url, "-r", "-10")).body.equals(KERNEL.subarray(-10))).toBe(true);
    expect((await curl(url, "-r", "0-1,5-6")).status).toBe(200);
    const beyond = await curl(url, "-r", `${KERNEL.length}-`);
    expect(beyond.status).toBe(416);
    expect(beyond.headers).toContain(`Content-Range: bytes */${KERNEL.length}`);

    const same = await curl(url, "-H", `If-None-Match: "x", ${tag}`);
    expect(same).toMatchObject({ status: 304, text: "" });
    expect(same.headers).toContain(`ETag: ${tag}`);
    expect((await curl(url, "-H", 'If-None-Match: "x"')).status).toBe(200);
    expect((await curl(url, "-r", "0-9", "-H", `If-Range: ${tag}`)).status).toBe(206);
    expect((await curl(url, "-r", "0-9", "-H", 'If-Range: "x"')).body.length).toBe(KERNEL.length);
    const initrd = await curl(url.replace("kernel", "initrd/0"), "--head");
    expect(initrd.headers).toMatch(/etag: "[0-9a-f]{64}\+3"/i);
  });

  it("serves boot programs, as UEFI wants them", async () => {
    const head = await curl(`${base}/nbp/ipxe.efi`, "--head");
    expect(head.headers).toMatch(/content-length: 1000\r\n/i);
    expect(head.headers).toMatch(/content-type: application\/efi\r\n/i);
    expect((await curl(`${base}/nbp/ipxe.efi`)).body.equals(KERNEL.subarray(0, 1000))).toBe(true);
    expect((await curl(`${base}/nbp/ipxe.efi`, "-r", "10-19")).body.equals(KERNEL.subarray(10, 20))).toBe(
      true,
    );
    const gone = await curl(`${base}/nbp/gone.efi`);
    expect(gone.status).toBe(404);
    expect(gone.text).not.toContain(folder);
    expect(warnings.join("\n")).toContain("cannot read the boot program gone.efi");
    for (const name of ["no.efi", "..%2fipxe.efi", "%2e%2e", "ipxe.efi%00", "ipxe.efi/"]) {
      expect([400, 404]).toContain((await curl(`${base}/nbp/${name}`, "--path-as-is")).status);
    }
  });

  it("gives the right bytes to 32 clients at once", async () => {
    const url = `${await machineUrl("many")}/kernel`;
    const sums = await Promise.all(
      Array.from({ length: 32 }, async () => {
        const { stdout } = await run("sh", ["-c", 'curl -sSf "$1" | sha256sum', "sh", url]);
        return stdout.slice(0, 64);
      }),
    );
    expect(new Set(sums)).toEqual(new Set([createHash("sha256").update(KERNEL).digest("hex")]));
  });

  it("delivers the overlay once, to the address that asked for the script", async () => {
    const url = await machineUrl("once");
    const overlay = urlsIn((await curl(`${url}/boot.ipxe?${EFI}`)).text).at(-1)!;
    expect((await curl(overlay, "--interface", "127.0.0.2")).status).toBe(403);
    expect((await curl(overlay.replace(/boots\/./, "boots/-"))).status).toBe(404);
    const head = await curl(overlay, "--head");
    const part = await curl(overlay, "-r", "0-9");
    expect(part.status).toBe(200);
    expect(head.headers).toContain(`Content-Length: ${part.body.length}\r\n`);
    expect((await curl(overlay)).status).toBe(409);
    expect((await curl(overlay, "--head")).status).toBe(409);

    const again = urlsIn((await curl(`${url}/boot.ipxe?${EFI}`)).text).at(-1)!;
    expect(again).not.toBe(overlay);
    expect((await curl(overlay)).status).toBe(404);
    expect((await curl(again)).body.equals(part.body)).toBe(false);
  });

  it("delivers the overlay again when it was cut off", async () => {
    const files = [overlayFile("/big", randomBytes(LARGE).toString("latin1"), 0o644)];
    const url = await machineUrl("cut", { files });
    const overlay = urlsIn((await curl(`${url}/boot.ipxe?${EFI}`)).text).at(-1)!;
    for (let i = 0; i < 3; i++) {
      const socket = await request(`GET ${new URL(overlay).pathname} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await once(socket, "data");
      socket.pause();
      await sleep(20);
      socket.destroy();
    }
    await untilQuiet();
    expect(core.getEntry("cut")?.boot?.deliveredAt).toBeUndefined();
    const { body } = await curl(overlay);
    expect(body.length).toBeGreaterThan(LARGE);
    expect((await curl(overlay)).status).toBe(409);
  });

  it("delivers the overlay to one of many that ask at once", async () => {
    const url = await machineUrl("parallel", { files: [overlayFile("/big", "x".repeat(LARGE), 0o644)] });
    const overlay = urlsIn((await curl(`${url}/boot.ipxe?${EFI}`)).text).at(-1)!;
    const complete = await Promise.all(
      Array.from({ length: 10 }, async () =>
        run("curl", ["-sSf", "-o", "/dev/null", overlay]).then(
          () => true,
          () => false,
        ),
      ),
    );
    expect(complete.filter(Boolean)).toHaveLength(1);
  });

  it("does not deliver the overlay that was read for one while another got it", async () => {
    const url = await machineUrl("overtaken", { files: [overlayFile("/small", "x", 0o644)] });
    const overlay = urlsIn((await curl(`${url}/boot.ipxe?${EFI}`)).text).at(-1)!;
    const original = core.overlay.bind(core);
    let overtake = () => {};
    const overtaken = new Promise<void>((resolve) => (overtake = resolve));
    let isReading = () => {};
    const reading = new Promise<void>((resolve) => (isReading = resolve));
    core.overlay = (...args) => {
      core.overlay = original;
      const contents = original(...args);
      const files = async () => {
        isReading();
        await overtaken;
        return contents.files();
      };
      return { ...contents, files };
    };
    const slow = curl(overlay);
    await reading;
    expect((await curl(overlay)).status).toBe(200);
    await untilQuiet();
    overtake();
    expect((await slow).status).toBe(409);
  });

  it("leaves a machine of another architecture to its disk, and says so", async () => {
    const url = await machineUrl("arch");
    const ask = async (query: string) => (await curl(`${url}/boot.ipxe?${query}`)).text;
    for (const query of ["firmware=efi&architecture=arm64", "firmware=efi&architecture=i386"]) {
      expect(await ask(query)).toMatch(
        /echo Booting from disk: this machine is .* for x86_64\nsleep 10 \|\|\nexit 1\n$/,
      );
    }
    expect(core.getEntry("arch")?.phase).toBe("armed");
    const [advice] = core.status().machines.find(({ entry }) => entry?.id === "arch")!.advice;
    expect(advice).toContain("this machine is i386 (efi), but entry arch is for x86_64");
    expect(await ask("firmware=pcbios&architecture=i386")).toContain("\nboot ||\n");

    const arm = await machineUrl("arm", { architecture: "aarch64" });
    const wrong = await curl(`${arm}/boot.ipxe?firmware=pcbios&architecture=i386`);
    expect(wrong.text).toContain("sanboot");
    expect((await curl(`${arm}/boot.ipxe?firmware=efi&architecture=arm64`)).text).toContain("\nboot ||\n");
  });

  it("leaves a machine that nobody declared to its disk, and remembers it", async () => {
    const mac = nextMac();
    const url = `${base}/machines/${mac.toUpperCase().replaceAll(":", "-")}`;
    const { text } = await curl(
      `${url}/boot.ipxe?firmware=pcbios&architecture=i386&product=A%00B%0aC%20+%20D`,
    );
    expect(text).toContain("nobody has declared this machine");
    expect(text).toContain("sanboot");
    const seen = core.status().machines.find((one) => one.mac === mac);
    expect(seen).toMatchObject({ address: "127.0.0.1", entry: undefined, facts: { product: "ABC + D" } });
    expect((await curl(`${url}/kernel`)).status).toBe(404);
  });

  it("shows the overlay at the machine whose boot it is, when others have the same address", async () => {
    const [one, other] = [await machineUrl("nat-1"), await machineUrl("nat-2")];
    const script = await curl(`${one}/boot.ipxe?${EFI}`);
    await curl(`${other}/boot.ipxe?${EFI}`);
    await curl(urlsIn(script.text).at(-1)!);
    const downloads = (id: string) =>
      core
        .status()
        .machines.find(({ entry }) => entry?.id === id)!
        .downloads.map(({ name }) => name);
    expect(downloads("nat-1")).toEqual(["overlay"]);
    expect(downloads("nat-2")).toEqual([]);
  });

  it("asks a machine that is sent straight to its script what it is", async () => {
    const url = await machineUrl("direct");
    const { text } = await curl(`${url}/boot.ipxe`);
    expect(text).toContain(
      `chain --autofree --replace --timeout 15000 ${url}/boot.ipxe?firmware=\${platform}`,
    );
    expect(core.getEntry("direct")?.phase).toBe("armed");
  });

  it("says under which address it was reached, whatever the Host header says", async () => {
    const { text } = await curl(`${base}/boot.ipxe`, "-H", "Host: evil.example");
    expect(text).toContain(`${base}/machines/`);
    const proxied = await start({ publicUrl: "http://boot.example/sub/" });
    expect((await curl(`http://127.0.0.1:${proxied.port}/boot.ipxe`)).text).toContain(
      " http://boot.example/sub/machines/${netX/mac:hexhyp}/",
    );
    await proxied.stop({ graceSeconds: 0 });
    const six = await start({ listen: { address: "::", port: 0 } });
    expect((await curl(`http://[::1]:${six.port}/boot.ipxe`)).text).toContain(` http://[::1]:${six.port}/`);
    expect((await curl(`http://127.0.0.1:${six.port}/boot.ipxe`)).text).toContain(
      ` http://127.0.0.1:${six.port}/`,
    );
    await six.stop({ graceSeconds: 0 });
  });
});

describe("claims and reports", () => {
  it.each([
    ["nothing", undefined, 403],
    ["another scheme", "Basic abc", 403],
    ["an empty token", "Bearer ", 403],
    ["a wrong token", "Bearer wrong", 403],
    ["a token with an odd end", "Bearer wrong, Bearer wrong", 403],
  ])("are refused with %s", async (_, authorization, status) => {
    await put("tokens");
    await boot("tokens");
    for (const [what, more] of [
      ["claim", {}],
      ["report", { stage: "x" }],
    ] as const) {
      const answer = await fetch(`${base}/jobs/tokens/${what}`, {
        method: "POST",
        headers: authorization === undefined ? {} : { authorization },
        body: JSON.stringify({ bootId: BOOT_ID, ...more }),
      });
      expect(answer.status).toBe(status);
      expect(await answer.text()).not.toContain("wrong");
    }
    expect(core.getEntry("tokens")?.phase).toBe("booting");
  });

  it("tell everything that is wrong with a body, and quote none of it", async () => {
    const { status, json } = await post(`${base}/jobs/any/report`, "t", {
      bootId: "SECRET SECRET",
      percent: 101,
      log: ["a", 7],
      outcome: "SECRET",
      odd: 1,
    });
    expect(status).toBe(400);
    const { error } = json as { error: string };
    for (const part of [
      "bootId:",
      "stage: is required",
      "percent:",
      "log.1:",
      "outcome:",
      "odd: unknown field",
    ]) {
      expect(error).toContain(part);
    }
    expect(error).not.toContain("SECRET");
  });

  it.each([
    "",
    "SECRET",
    '{"bootId":"SECRET',
    "[]",
    "null",
    '"SECRET"',
    "{}",
    '{"__proto__":{"bootId":"a"}}',
  ])("refuse the body %j", async (body) => {
    const answer = await fetch(`${base}/jobs/any/claim`, { method: "POST", body });
    expect(answer.status).toBe(400);
    expect(await answer.text()).not.toContain("SECRET");
  });

  it("refuse a body that is too large, announced or not", async () => {
    const body = JSON.stringify({ bootId: BOOT_ID, stage: "x", message: "x".repeat(256 * 1024) });
    expect((await fetch(`${base}/jobs/any/report`, { method: "POST", body })).status).toBe(413);
    const chunks = Readable.toWeb(Readable.from(Array.from({ length: 64 }, () => Buffer.alloc(8192, " "))));
    const chunked = fetch(`${base}/jobs/any/report`, {
      method: "POST",
      body: chunks as unknown as ReadableStream,
      duplex: "half",
    });
    // The connection may be closed while the client is still sending.
    expect([413, "cut"]).toContain(await chunked.then(({ status }) => status).catch(() => "cut"));
  });

  it("take a body just below the limit", async () => {
    await put("large");
    const { token } = await boot("large");
    expect((await post(`${base}/jobs/large/claim`, token, { bootId: BOOT_ID })).status).toBe(200);
    const log = Array.from({ length: 250 }, () => "x".repeat(1000));
    expect(
      (await post(`${base}/jobs/large/report`, token, { bootId: BOOT_ID, stage: "x", log })).status,
    ).toBe(200);
  });
});

describe("reports on the hardware", () => {
  const REPORT = gzipSync('{"version":1}');
  const send = async (id: string, token: string, body: Buffer) => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${base}/jobs/${id}/hardware`, { method: "POST", headers, body })).status;
  };

  it("are kept as they came, the last one, from the boot until the end of the install", async () => {
    await put("hardware");
    expect(await core.hardwareReport("hardware")).toBeUndefined();
    const { token } = await boot("hardware");
    expect(await send("hardware", token, gzipSync("another"))).toBe(200);
    expect((await post(`${base}/jobs/hardware/claim`, token, { bootId: BOOT_ID })).status).toBe(200);
    expect(await send("hardware", token, REPORT)).toBe(200);
    expect(await core.hardwareReport("hardware")).toEqual(REPORT);
    const end = { bootId: BOOT_ID, stage: "finish", outcome: "installed" };
    expect((await post(`${base}/jobs/hardware/report`, token, end)).status).toBe(200);
    expect(await send("hardware", token, gzipSync("late"))).toBe(409);
    expect(await core.hardwareReport("hardware")).toEqual(REPORT);
    await core.deleteEntry("hardware");
    expect(await core.hardwareReport("hardware")).toBeUndefined();
  });

  it("are refused without the token, when they are too large, and when they are something else", async () => {
    await put("hardware2");
    const { token } = await boot("hardware2");
    expect(await send("hardware2", "wrong", REPORT)).toBe(403);
    expect(await send("nobody", token, REPORT)).toBe(403);
    expect(await send("hardware2", token, Buffer.alloc(256 * 1024 + 1))).toBe(413);
    expect(await send("hardware2", token, Buffer.from('{"version":1}'))).toBe(400);
    expect(await core.hardwareReport("hardware2")).toBeUndefined();
  });
});

describe("other routes", () => {
  it("answer, each with the headers that keep browsers out of trouble", async () => {
    for (const [path, text] of [
      ["/", "page"],
      ["/healthz", "ok\n"],
      ["/metrics", "up 1\n"],
    ] as const) {
      const answer = await fetch(base + path);
      expect([answer.status, await answer.text()]).toEqual([200, text]);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect(answer.headers.get("content-security-policy")).toBe("default-src 'none'");
    }
    expect((await fetch(`${base}/status.json`)).status).toBe(404);
    expect((await fetch(`${base}/healthz`, { method: "HEAD" })).status).toBe(200);
    const wrong = await fetch(`${base}/healthz`, { method: "POST" });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    const claim = await fetch(`${base}/jobs/x/claim`);
    expect([claim.status, claim.headers.get("allow")]).toEqual([405, "POST"]);
  });

  it("tell a client nothing of an error inside", async () => {
    const broken = await start({ metrics: () => Promise.reject(new Error(`cannot read ${folder}`)) });
    const answer = await fetch(`http://127.0.0.1:${broken.port}/metrics`);
    expect([answer.status, await answer.json()]).toEqual([500, { error: "internal error" }]);
    expect(warnings.at(-1)).toContain(`GET /metrics: Error: cannot read ${folder}`);
    await broken.stop({ graceSeconds: 0 });
  });
});

describe("hostile clients", () => {
  it("are survived, whatever they send", async () => {
    const url = new URL(await machineUrl("fuzz")).pathname;
    const seeds = [
      `GET ${url}/kernel HTTP/1.1\r\nHost: x\r\nRange: bytes=0-9\r\nIf-Range: "a"\r\n\r\n`,
      `GET ${url}/boot.ipxe?${EFI}&serial=%41 HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`,
      `HEAD /boots/abc/overlay.cpio HTTP/1.0\r\n\r\n`,
      `POST /jobs/fuzz/claim HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nContent-Length: 14\r\n\r\n{"bootId":"a"}`,
      `POST /jobs/fuzz/report HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
      `GET /nbp/../../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n`,
      `GET /%2e%2e/%00/%zz HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nUpgrade: h2c\r\n\r\n`,
      `DELETE /healthz HTTP/1.1\r\nHost: x\r\n\r\n`,
      `CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n`,
    ];
    const random = seededRandom(7);
    const before = process.memoryUsage().rss;
    const answers = new Set<string>();
    for (let i = 0; i < 3000; i += 60) {
      const batch = Array.from({ length: 60 }, (_, n) => mutate(seeds[(i + n) % seeds.length]!, random));
      for (const answer of await Promise.all(batch.map(async (bytes) => answerTo(bytes)))) {
        expect(answer).not.toMatch(/root:|\/tmp\/|node:internal/);
        answers.add(answer.slice(9, 12));
      }
    }
    for (const seed of seeds) answers.add((await answerTo(Buffer.from(seed), true)).slice(9, 12));
    expect([...answers]).toEqual(expect.arrayContaining(["200", "400", "404", "405"]));
    expect(answers).not.toContain("500");
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * MIB);
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
  });

  it("cannot have many downloads on one connection at once", async () => {
    const url = new URL(await machineUrl("pipeline")).pathname;
    const before = process.memoryUsage().rss;
    const socket = await request(`GET ${url}/kernel HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(2000));
    await closed(socket.resume());
    await untilQuiet();
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * MIB);
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
  });

  it("may read slowly, at the cost of two buffers", async () => {
    const url = new URL(await machineUrl("slow")).pathname;
    const before = process.memoryUsage().rss;
    const get = `GET ${url}/kernel HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`;
    const sockets = await Promise.all(Array.from({ length: 50 }, async () => request(get)));
    for (const socket of sockets) socket.pause();
    await sleep(300);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * MIB);
    const [first, ...others] = sockets;
    for (const socket of others) socket.destroy();
    const bytes = Buffer.concat(await first!.toArray());
    expect(bytes.subarray(-KERNEL.length).equals(KERNEL)).toBe(true);
  });

  it("are cut off when they send or read nothing", async () => {
    const limits = { headersTimeoutMs: 300, requestTimeoutMs: 500, idleTimeoutMs: 1000 };
    const strict = await start({ limits });
    const kernel = `GET ${new URL(await machineUrl("idle")).pathname}/kernel HTTP/1.1\r\nHost: x\r\n\r\n`;
    const post = "POST /jobs/x/claim HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{";
    const startedAt = Date.now();
    const readers = await Promise.all(["GET / HT", post].map(async (text) => request(text, strict)));
    const answers = await Promise.all(readers.map(async (socket) => Buffer.concat(await socket.toArray())));
    for (const answer of answers) expect(answer.toString()).toMatch(/^HTTP\/1.1 408 /);
    const idle = await request(kernel, strict);
    idle.pause();
    await sleep(2500);
    await closed(idle.resume());
    expect(idle.bytesRead).toBeLessThan(KERNEL.length);
    expect(await timeSince(startedAt)).toBeLessThan(8000);
    await strict.stop({ graceSeconds: 0 });
  });

  it("from one address get a share, and get it again when it is free", async () => {
    const open = async () => {
      const socket = connect({ port: server.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
      socket.on("error", () => {}).resume();
      await once(socket, "connect");
      socket.write("GET /boot.ipxe HTTP/1.1\r\nHost: x\r\nX-Endless: ");
      return socket;
    };
    const kept = await Promise.all(Array.from({ length: 1024 }, open));
    const openOnes = () => kept.filter((socket) => !socket.closed);
    while (openOnes().length > 256) await sleep(20);
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    expect(openOnes()).toHaveLength(256);
    openOnes()[0]!.destroy();
    // The server must notice the closed connections first.
    while (openOnes().length < 256) {
      kept.push(await open());
      await sleep(50);
    }
    for (const socket of kept) socket.destroy();
  });

  it("get no more connections than there are", async () => {
    const small = await start({ limits: { maxConnections: 5 } });
    const sockets = await Promise.all(Array.from({ length: 5 }, async () => request("", small)));
    const sixth = await request("", small);
    await closed(sixth.resume());
    sockets.pop()!.destroy();
    const isServed = async () =>
      fetch(`http://127.0.0.1:${small.port}/healthz`).then(
        ({ status }) => status === 200,
        () => false,
      );
    while (!(await isServed())) await sleep(20);
    for (const socket of sockets) socket.destroy();
    await small.stop({ graceSeconds: 0 });
  });
});

describe("stop", () => {
  it("lets downloads finish, and takes no more requests", async () => {
    const stopping = await start({});
    const url = new URL(await machineUrl("stop")).pathname;
    const socket = await request(`GET ${url}/kernel HTTP/1.1\r\nHost: x\r\n\r\n`, stopping);
    const kept = await request("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", stopping);
    await Promise.all([once(socket, "readable"), once(kept, "data")]);
    const gone = closed(kept);
    const stopped = stopping.stop({ graceSeconds: 10 });
    await gone;
    await expect(fetch(`http://127.0.0.1:${stopping.port}/healthz`)).rejects.toThrow("fetch failed");
    const bytes = Buffer.concat(await socket.toArray());
    expect(bytes.subarray(-KERNEL.length).equals(KERNEL)).toBe(true);
    await stopped;
  });

  it("ends what takes too long", async () => {
    const stopping = await start({});
    const url = new URL(await machineUrl("stop-now")).pathname;
    const socket = await request(`GET ${url}/kernel HTTP/1.1\r\nHost: x\r\n\r\n`, stopping);
    await once(socket, "readable");
    const startedAt = Date.now();
    await stopping.stop({ graceSeconds: 0.2 });
    expect(await timeSince(startedAt)).toBeLessThan(2000);
    socket.destroy();
  });
});

it("sees a file that has become shorter, and cuts the download off", async () => {
  const kernel = await addAsset(randomBytes(16 * MIB));
  const url = new URL(await machineUrl("shorter", { kernel })).pathname;
  const socket = await request(`GET ${url}/kernel HTTP/1.1\r\nHost: x\r\n\r\n`);
  await once(socket, "readable");
  const path = join(folder, "store", "assets", kernel.sha256);
  await chmod(path, 0o600);
  await truncate(path, MIB);
  const error = await socket.toArray().then(
    (chunks) => Buffer.concat(chunks),
    (cause: unknown) => cause,
  );
  if (Buffer.isBuffer(error)) expect(error.length).toBeLessThan(kernel.size);
  expect(warnings.at(-1)).toContain("the file became shorter while it was sent");
  expect((await fetch(`${base}${url}/kernel`)).status).toBe(404);
});

let macs = 0;
function nextMac(): string {
  return `52:54:00:00:00:${(++macs).toString(16).padStart(2, "0")}`;
}

function overlayFile(path: string, contents: string, mode: number): EntrySpec["files"][number] {
  return { path, contents: Buffer.from(contents, "latin1").toString("base64"), mode, secret: true };
}

async function addAsset(bytes: Buffer): Promise<AssetRef> {
  const asset = { sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
  await core.addAsset(asset, Readable.from([bytes]));
  return asset;
}

/** The specs of the entries, as they were put. */
const specs = new Map<string, EntrySpec>();

async function put(id: string, change?: Partial<EntrySpec>): Promise<EntrySpec> {
  const spec = specs.get(id) ?? specOf(id, change);
  specs.set(id, spec);
  await core.putEntry(spec);
  return spec;
}

async function machineUrl(id: string, change?: Partial<EntrySpec>): Promise<string> {
  const { macs } = await put(id, change);
  return `${base}/machines/${macs[0]!.replaceAll(":", "-")}`;
}

/** Fetches the script of a machine, and returns its boot. */
async function boot(id: string): Promise<{ token: string }> {
  await fetch(`${await machineUrl(id)}/boot.ipxe?${EFI}`);
  return core.getEntry(id)!.boot!;
}

async function start(options: Partial<HttpServerOptions>): Promise<HttpServer> {
  return startHttpServer({
    core,
    listen: { address: "127.0.0.1", port: 0 },
    nbps: new Map(),
    log: (access) => accesses.push(access),
    warn: (message) => warnings.push(message),
    ...options,
  });
}

async function curl(url: string, ...args: string[]) {
  const files = await mkdtemp(join(folder, "curl-"));
  const [headersFile, bodyFile] = [join(files, "headers"), join(files, "body")];
  await writeFile(bodyFile, "");
  const output = args.includes("--head") ? [] : ["-o", bodyFile];
  const { stdout } = await run("curl", [
    "-sSg",
    "-w",
    "\n%{http_code}",
    "-D",
    headersFile,
    ...output,
    ...args,
    url,
  ]);
  const body = await readFile(bodyFile);
  const headers = await readFile(headersFile, "latin1");
  return { status: Number(stdout.slice(-3)), headers, body, text: body.toString("latin1") };
}

async function post(url: string, token: string, body: object): Promise<{ status: number; json: unknown }> {
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: answer.status, json: await answer.json() };
}

/** Returns the URLs that a script loads. */
function urlsIn(script: string): string[] {
  return [...script.matchAll(/^(?:kernel|initrd) .*?(http:\S+)/gm)].map((match) => match[1]!);
}

async function unpack(archive: Buffer): Promise<string> {
  const target = join(folder, "unpacked");
  await mkdir(target);
  await writeFile(join(folder, "archive"), archive);
  const cpio = async (...args: string[]) =>
    run("sh", ["-c", 'cpio "$@" < ../archive', "sh", ...args], {
      cwd: target,
      env: { ...process.env, LC_ALL: "C" },
    });
  const { stdout } = await cpio("-t");
  expect(stdout.split("\n")).toEqual(
    expect.arrayContaining(["etc", "etc/ssh", "etc/ssh/key", "etc/motd", "nixops4", "nixops4/token"]),
  );
  await cpio("-idm", "--no-preserve-owner");
  return target;
}

function withoutDate(headers: string): string {
  return headers.replace(/date: .*\r\n/i, "");
}

async function request(text: string, { port } = server): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(text);
  return socket;
}

/** Resolves when the socket is closed, also after a reset. */
async function closed(socket: Socket): Promise<void> {
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("close", resolve));
}

/** Returns what the server sends until it closes the connection, or within a short time. */
/** With `mustCome`, waits for the answer. Otherwise there may be none, and it waits for a short time only. */
async function answerTo(bytes: Buffer, mustCome = false): Promise<string> {
  const socket = connect(server.port, "127.0.0.1");
  let answer = "";
  socket
    .on("error", () => {})
    .on("data", (data) => {
      if (answer.length < 4096) answer += data.toString("latin1");
    });
  socket.write(bytes);
  await Promise.race([once(socket, "close"), mustCome ? once(socket, "data") : sleep(60)]);
  socket.destroy();
  return answer;
}

function mutate(seed: string, random: () => number): Buffer {
  const bytes = Buffer.from(seed, "latin1");
  const at = () => Math.floor(random() * bytes.length);
  switch (Math.floor(random() * 6)) {
    case 0:
      return bytes;
    case 1:
      return bytes.subarray(0, at());
    case 2:
      return Buffer.concat([bytes.subarray(0, at()), bytes.subarray(at())]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at()), Buffer.alloc(at() * 100, at()), bytes.subarray(at())]);
    case 4:
      return Buffer.concat([bytes, bytes]);
    default:
      for (let i = 0; i < 5; i++) bytes[at()] = Math.floor(random() * 256);
      return bytes;
  }
}

/** Waits until the server has noticed that its clients have disconnected. */
async function untilQuiet(): Promise<void> {
  for (let seen = -1; seen !== accesses.length;) {
    seen = accesses.length;
    await sleep(100);
  }
}
