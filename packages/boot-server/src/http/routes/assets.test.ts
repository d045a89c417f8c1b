import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { entryIn, MAC } from "../../../tests/entries.ts";
import { HttpLab } from "../../../tests/http-lab.ts";
import { memoryStore, type MemoryStore } from "../../../tests/stores.ts";
import type { OpenAsset } from "../../core/api.ts";
import type { AssetRef } from "../../core/model.ts";

const MACHINE = "/machines/52-54-00-12-34-56";

let folder: string;
let store: MemoryStore;
let lab: HttpLab;
/** The assets that were opened and not closed. */
let open: number;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "boot-assets-"));
  await writeFile(join(folder, "ipxe.efi"), "a boot program");
  store = memoryStore({ entries: [entryIn("booting")] });
  open = 0;
  store.assets.open = openAsset;
  const nbps = new Map([
    ["ipxe.efi", join(folder, "ipxe.efi")],
    ["undionly.kpxe", join(folder, "ipxe.efi")],
    ["gone.efi", join(folder, "gone.efi")],
  ]);
  lab = await HttpLab.start({ nbps }, store);
});
afterEach(async () => {
  await lab.end();
  await rm(folder, { recursive: true });
});

/** Opens an asset of letters in alphabetical order. */
async function openAsset({ sha256, size }: AssetRef): Promise<OpenAsset> {
  open++;
  return {
    sha256,
    size,
    read: async (buffer, position) => {
      const count = Math.min(buffer.length, size - position);
      for (let i = 0; i < count; i++) buffer[i] = 0x61 + position + i;
      return count;
    },
    close: async () => void open--,
  };
}

describe("the files of an install", () => {
  it.each([
    ["kernel", "a", `"${"0".repeat(64)}"`],
    ["initrd/0", "ab\0\0", `"${"1".repeat(64)}+2"`],
    ["initrd/1", "abc\0", `"${"2".repeat(64)}+1"`],
  ])("%s are sent, the initrds in multiples of four bytes", async (name, text, tag) => {
    const answer = await lab.get(`${MACHINE}/${name}`);
    expect(answer).toMatchObject({ status: 200, text });
    expect(answer.headers).toMatchObject({ etag: tag, "content-type": "application/octet-stream" });
    const machine = lab.core.status().machines[0];
    expect(machine).toMatchObject({
      mac: MAC,
      downloads: [{ name: name.replace("/", " "), sent: text.length, size: text.length }],
    });
    expect(open).toBe(0);
  });

  it.each([
    ["bytes=1-2", 206, "b\0"],
    ["bytes=2-", 206, "\0\0"],
    ["bytes=-1", 206, "\0"],
    ["bytes=4-", 416, '{"error":"the range begins after the end"}\n'],
  ])("can be resumed within the padding: %s", async (range, status, text) => {
    expect(await lab.get(`${MACHINE}/initrd/0`, { headers: { range } })).toMatchObject({ status, text });
    expect(open).toBe(0);
  });

  it("end where the file ends, when it has the right size already", async () => {
    const initrds = [{ sha256: "4".repeat(64), size: 4 }];
    const other = memoryStore({ entries: [entryIn("booting", { initrds })] });
    other.assets.open = openAsset;
    const another = await HttpLab.start({}, other);
    const answer = await another.get(`${MACHINE}/initrd/0`);
    expect([answer.text, answer.headers["etag"]]).toEqual(["abcd", `"${"4".repeat(64)}"`]);
    await another.end();
  });

  it.each(["01", "-1", "x", "100", ""])("have no initrd %j", async (index) => {
    expect(await lab.get(`${MACHINE}/initrd/${index}`)).toMatchObject({
      status: 404,
      text: '{"error":"not found"}\n',
    });
  });

  it.each(["2", "10", "99"])("have no initrd %j, and the machine is told so", async (index) => {
    expect(await lab.get(`${MACHINE}/initrd/${index}`)).toMatchObject({
      status: 404,
      text: '{"error":"there is no such initrd"}\n',
    });
  });
});

describe("boot programs", () => {
  it.each([
    ["ipxe.efi", "application/efi"],
    ["undionly.kpxe", "application/octet-stream"],
  ])("%s is sent as %s", async (name, type) => {
    const answer = await lab.get(`/nbp/${name}`);
    expect(answer).toMatchObject({ status: 200, text: "a boot program", headers: { "content-type": type } });
    const again = await lab.get(`/nbp/${name}`, {
      headers: { "if-none-match": String(answer.headers.etag) },
    });
    expect(again).toMatchObject({ status: 304, text: "" });
  });

  it("that are not configured are not found", async () => {
    expect(await lab.get("/nbp/other.efi")).toMatchObject({ status: 404, text: '{"error":"not found"}\n' });
    expect(lab.warnings).toEqual([]);
  });

  it("that cannot be read are not found, and the operator is told why", async () => {
    expect(await lab.get("/nbp/gone.efi")).toMatchObject({ status: 404, text: '{"error":"not found"}\n' });
    const path = join(folder, "gone.efi");
    expect(lab.warnings).toEqual([
      `cannot read the boot program gone.efi: ENOENT: no such file or directory, open '${path}'`,
    ]);
  });
});
