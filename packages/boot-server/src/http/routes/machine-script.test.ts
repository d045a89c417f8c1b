import { afterEach, describe, expect, it } from "@jest/globals";
import { ADDRESS, bootOf, entryIn, MAC, registryAfter, STEPS } from "../../../tests/entries.ts";
import { HttpLab } from "../../../tests/http-lab.ts";
import { memoryStore } from "../../../tests/stores.ts";
import type { Entry } from "../../core/model.ts";

let lab: HttpLab | undefined;
afterEach(async () => lab?.end());

async function start(...entries: Entry[]): Promise<HttpLab> {
  lab = await HttpLab.start({}, memoryStore({ entries }));
  return lab;
}

const PATH = "/machines/52-54-00-12-34-56/boot.ipxe";
const EFI = "firmware=efi&architecture=x86_64";

describe("a machine that says what it is", () => {
  it("gets the script of its install", async () => {
    const { base } = await start(entryIn("armed"));
    const { status, headers, text } = await lab!.get(`${PATH}?${EFI}`);
    const boot = lab!.core.getEntry("web")?.boot;
    expect([status, headers["cache-control"]]).toEqual([200, "no-store"]);
    expect(text.split("\n").slice(0, 2)).toEqual(["#!ipxe", "echo Installing web, generation 3"]);
    expect(text).toContain(` ${base}/machines/52-54-00-12-34-56/initrd/1 `);
    expect(text).toContain(` ${base}/boots/${boot!.id}/overlay.cpio `);
  });

  it("boots from its disk when nobody has declared it", async () => {
    await start();
    expect((await lab!.get(`${PATH}?${EFI}`)).text).toBe(
      "#!ipxe\necho Booting from disk: nobody has declared this machine\nexit 1\n",
    );
  });

  it("has time to show that it is of another architecture", async () => {
    await start(entryIn("armed"));
    expect((await lab!.get(`${PATH}?firmware=efi&architecture=arm64`)).text).toBe(
      "#!ipxe\necho Booting from disk: this machine is arm64 (efi), but entry web is for x86_64\nsleep 10 ||\nexit 1\n",
    );
  });

  it("waits while an installer at another address may be running", async () => {
    const { entries } = registryAfter(
      [{ kind: "booted", boot: bootOf({ address: ADDRESS }) }, ...STEPS.installing.slice(1)],
      { onInterrupted: "retry" },
    );
    await start(...entries.values());
    const { text } = await lab!.get(`${PATH}?${EFI}`);
    expect(text.split("\n").slice(0, 3)).toEqual([
      "#!ipxe",
      "echo Waiting: an install is in progress, from another address",
      "sleep 15 ||",
    ]);
    expect(text).toContain("/machines/${netX/mac:hexhyp}/boot.ipxe?");
  });
});

describe("the properties of a machine", () => {
  it.each([
    ["", undefined],
    ["%20%20", undefined],
    ["PowerEdge+R640%20x", "PowerEdge+R640 x"],
    ["a%00b%0ac%e2%80%aed", "abcd"],
    ["x".repeat(65), "x".repeat(64)],
  ])("are shown in print: %j as %j", async (product, expected) => {
    await start();
    await lab!.get(`${PATH}?${EFI}&product=${product}`);
    expect(lab!.core.status().machines).toMatchObject([{ mac: MAC, facts: { product: expected } }]);
  });

  it.each([
    ["firmware=efi", "architecture"],
    ["firmware=&architecture=x86_64", "firmware"],
    ["firmware=e/fi&architecture=x86_64", "firmware"],
    [`firmware=${"x".repeat(17)}&architecture=x86_64`, "firmware"],
  ])("are refused when they cannot be from iPXE: %j", async (query, name) => {
    await start();
    expect(await lab!.get(`${PATH}?${query}`)).toMatchObject({
      status: 400,
      text: `{"error":"${name}: must be a name that iPXE uses, such as efi or x86_64"}\n`,
    });
  });

  it("are refused together", async () => {
    await start();
    const what = "must be a name that iPXE uses, such as efi or x86_64";
    const error = `firmware: ${what}; architecture: ${what}`;
    expect((await lab!.get(`${PATH}?firmware=`)).text).toBe(`${JSON.stringify({ error })}\n`);
  });
});

describe("a request that begins no boot", () => {
  it.each([
    ["without properties", "GET", PATH],
    ["for the headers", "HEAD", `${PATH}?${EFI}`],
  ])("%s gets the script that asks for the properties", async (_what, method, path) => {
    await start(entryIn("armed"));
    const { text, status } = await lab!.get(path, { method });
    expect(status).toBe(200);
    if (method === "GET")
      expect(text).toContain("/machines/52-54-00-12-34-56/boot.ipxe?firmware=${platform}");
    expect(lab!.core.getEntry("web")?.phase).toBe("armed");
  });

  it.each(["52:54:00:12:34:56", "52-54-00-12-34", "52-54-00-12-34-5g", "x52-54-00-12-34-56"])(
    "of the machine %j is refused",
    async (mac) => {
      await start();
      expect(await lab!.get(`/machines/${mac}/boot.ipxe`)).toMatchObject({
        status: 400,
        text: '{"error":"the path must contain a MAC address with hyphens, such as 52-54-00-12-34-56"}\n',
      });
    },
  );
});
