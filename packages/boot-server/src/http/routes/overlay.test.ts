import { once } from "node:events";
import { afterEach, describe, expect, it } from "@jest/globals";
import { bootOf, entryAfter } from "../../../tests/entries.ts";
import { HttpLab } from "../../../tests/http-lab.ts";
import { memoryStore, type MemoryStore } from "../../../tests/stores.ts";

const PATH = "/boots/the-boot/overlay.cpio";
/** Larger than the buffers of the operating system for a client that does not read. */
const LARGE = 16 * 1024 * 1024;
const DELIVERED = "the overlay was already delivered in this boot: boot the machine again to get it again";

let lab: HttpLab;
afterEach(async () => lab.end());

async function start({ address = "127.0.0.1", size = 6 } = {}): Promise<MemoryStore> {
  const boot = bootOf({ id: "the-boot", token: "a-token", address });
  const entry = entryAfter([{ kind: "booted", boot }]);
  const store = memoryStore({ entries: [entry] });
  const header = [{ path: "/key", mode: 0o600, secret: true, size }];
  const bytes = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), Buffer.alloc(size, "secret")]);
  store.files.set(entry.spec.overlay!.sha256, bytes);
  lab = await HttpLab.start({}, store);
  return store;
}

const isDelivered = () => lab.core.getEntry("web")?.boot?.deliveredAt !== undefined;

/** The texts of the timeline of the machine. */
const timeline = () => lab.core.status().machines[0]!.timeline.map(({ text }) => text);

/** Requests the overlay on a connection that is not read further. */
async function requestWithoutReading() {
  const socket = await lab.connect(`GET ${PATH} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await once(socket, "readable");
  return socket;
}

describe("the overlay", () => {
  it("has the files of the entry and those of the installer, and is delivered once", async () => {
    await start();
    const { status, headers, text } = await lab.get(PATH);
    expect([status, headers["cache-control"]]).toEqual([200, "no-store"]);
    expect(headers["content-type"]).toBe("application/octet-stream");
    for (const part of ["key\0", "secret", "nixops4/token\0", "a-token\n", `${lab.base}/jobs/web\n`, "3\n"]) {
      expect(text).toContain(part);
    }
    await lab.ended(1);
    expect(isDelivered()).toBe(true);
    expect(await lab.get(PATH)).toMatchObject({ status: 409, text: `{"error":"${DELIVERED}"}\n` });
    expect(timeline()).toContain("Loaded overlay (1 KiB)");
  });

  it("is not delivered by a request for its headers", async () => {
    await start();
    const head = await lab.get(PATH, { method: "HEAD" });
    await lab.ended(1);
    expect([head.status, head.text, isDelivered()]).toEqual([200, "", false]);
    const { body } = await lab.get(PATH);
    expect(head.headers["content-length"]).toBe(String(body.length));
  });

  it("is refused to another address, and without the boot", async () => {
    await start({ address: "10.0.0.9" });
    expect(await lab.get(PATH)).toMatchObject({ status: 403 });
    expect(await lab.get("/boots/other/overlay.cpio")).toMatchObject({ status: 404 });
  });

  it("is refused when the store has lost it", async () => {
    const store = await start();
    store.files.clear();
    const error = "the overlay is missing in the boot server's store: apply the deployment again";
    expect(await lab.get(PATH)).toMatchObject({ status: 404, text: `{"error":"${error}"}\n` });
    expect(isDelivered()).toBe(false);
  });

  it("is sent again after a transfer that was cut off, which is shown", async () => {
    await start({ size: LARGE });
    (await requestWithoutReading()).destroy();
    await lab.ended(1);
    expect([isDelivered(), timeline().at(-1)]).toEqual([false, "Stopped loading overlay: 0 KiB of 16.0 MiB"]);
    expect((await lab.get(PATH)).body.length).toBeGreaterThan(LARGE);
  });

  it("is sent to the second of two requests, and the transfer to the first ends", async () => {
    await start({ size: LARGE });
    const first = await requestWithoutReading();
    const second = await lab.get(PATH);
    expect([second.status, second.body.length > LARGE]).toEqual([200, true]);
    await lab.ended(2);
    first.destroy();
    expect(lab.accesses.map(({ complete }) => complete)).toEqual([false, true]);
    expect(isDelivered()).toBe(true);
  });

  it("is not cut off by a request for its headers", async () => {
    await start({ size: LARGE });
    const first = await requestWithoutReading();
    expect(await lab.get(PATH, { method: "HEAD" })).toMatchObject({ status: 200 });
    first.resume();
    await lab.ended(2);
    expect([lab.accesses[1]!.complete, isDelivered()]).toEqual([true, true]);
    first.destroy();
  });

  it("goes to one of many that ask at once", async () => {
    await start();
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () =>
        lab.get(PATH).then(
          ({ status }) => status,
          () => 0,
        ),
      ),
    );
    expect(answers.filter((status) => status === 200)).toEqual([200]);
    expect(answers.filter((status) => ![200, 0, 409].includes(status))).toEqual([]);
  });

  it("is not cut off while its delivery is being recorded", async () => {
    const store = await start();
    const append = store.append.bind(store);
    const get = store.overlays.get.bind(store.overlays);
    let record = () => {};
    const held = new Promise<void>((resolve) => (record = resolve));
    store.append = async (events) => {
      await held;
      await append(events);
    };
    const first = await lab.get(PATH);
    const isRead = new Promise<void>((resolve) => {
      store.overlays.get = async (overlay) => {
        setImmediate(resolve);
        return get(overlay);
      };
    });
    const second = lab.get(PATH);
    await isRead;
    record();
    expect([first.status, (await second).status]).toEqual([200, 409]);
    await lab.ended(2);
    expect(lab.accesses.map(({ complete }) => complete)).toEqual([true, true]);
  });
});
