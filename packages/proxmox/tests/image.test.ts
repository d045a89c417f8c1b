// Images in this process. `image.int.test.ts` runs the built executable.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { allPrivileges } from "./fake-pve/access.ts";
import { privileges, withoutPrivileges } from "./fake-pve/roles.ts";
import { downloads } from "./fake-pve/storage.ts";
import { failureOf, Resource, useCluster } from "./in-process.ts";

const fake = useCluster();
const folder = mkdtempSync(join(tmpdir(), "image-"));
afterAll(() => rmSync(folder, { recursive: true }));

const DATA = "an image";
const HASH = createHash("sha256").update(DATA).digest("hex");
const VOLUME = `files:import/nixos-${HASH.slice(0, 16)}.qcow2`;
const URL = "https://example.org/nixos.qcow2";
const FILE = join(folder, "nixos");
writeFileSync(FILE, DATA);
downloads.set(URL, { bytes: DATA.length, sha256: HASH });

const inputs = (more: object) => ({
  connection: { ...fake().connection, retrySeconds: 0 },
  node: "pve",
  storage: "files",
  name: "nixos.qcow2",
  source: { file: FILE },
  ...more,
});
const apply = (more: object) => new Resource("image").apply(inputs(more));
const written = () => fake().writes.map(({ method, path, params }) => [method, path, params]);
const content = "/nodes/pve/storage/files/content";

describe("a file", () => {
  it("is uploaded once", async () => {
    const outputs = { volumeId: VOLUME, sha256: HASH };
    expect(await apply({})).toEqual(outputs);
    expect(written()).toEqual([
      [
        "POST",
        "/nodes/pve/storage/files/upload",
        { content: "import", "checksum-algorithm": "sha256", checksum: HASH },
      ],
    ]);
    expect(await apply({ sha256: HASH.toUpperCase() })).toEqual(outputs);
    expect(fake().writes).toHaveLength(1);
    expect(fake().cluster.volumes.get(VOLUME)).toMatchObject({ bytes: DATA.length, sha256: HASH });
  });

  it("is deleted with its hash alone, and only where it exists", async () => {
    fake().cluster.addVolume(VOLUME, "import", 8);
    const absent = { ensure: "absent", source: { file: "/none" }, sha256: HASH };
    expect(await apply(absent)).toEqual({ volumeId: VOLUME, sha256: HASH });
    await apply(absent);
    expect(written()).toEqual([["DELETE", `${content}/${encodeURIComponent(VOLUME)}`, {}]]);
    expect(fake().cluster.volumes.size).toBe(0);
  });

  it("is hashed for a deletion without its hash", async () => {
    expect(await failureOf(apply({ ensure: "absent", source: { file: "/none" } }))).toContain(
      "source.file: cannot read the file /none",
    );
    fake().cluster.addVolume(VOLUME, "import", DATA.length);
    await apply({ ensure: "absent" });
    expect(fake().cluster.volumes.size).toBe(0);
  });

  it("of another hash is refused before anything is sent", async () => {
    expect(await failureOf(apply({ sha256: "0".repeat(64) }))).toContain(
      `the file ${FILE} has another SHA-256: ${HASH}`,
    );
    expect(fake().requestsSeen).toBe(0);
  });

  it("is not read to its end after an interrupt", async () => {
    const interrupt = AbortSignal.abort(new Error("interrupted"));
    expect(await failureOf(new Resource("image").apply(inputs({}), interrupt))).toContain("interrupted");
  });

  it("of another length is not replaced", async () => {
    fake().cluster.addVolume(VOLUME, "import", 9);
    expect(await failureOf(apply({}))).toContain(`${VOLUME} already exists with 9 bytes, but the file has 8`);
  });

  it("is waited for until the storage lists it", async () => {
    fake().cluster.storages.get("files")!.lagMs = 100;
    expect(await apply({ visibleTimeoutSeconds: 10 })).toMatchObject({ volumeId: VOLUME });
  });

  it("that the storage never lists is an error", async () => {
    fake().cluster.storages.get("files")!.lagMs = 60_000;
    expect(await failureOf(apply({ visibleTimeoutSeconds: 0.001 }))).toContain(
      `${VOLUME} was written, but files does not list it on pve`,
    );
  });
});

describe("a download", () => {
  const source = { source: { url: URL }, sha256: HASH };

  it("is made by Proxmox VE, once, whatever length it has", async () => {
    const outputs = { volumeId: VOLUME, sha256: HASH };
    expect(await apply(source)).toEqual(outputs);
    fake().cluster.volumes.get(VOLUME)!.bytes = 1;
    expect(await apply(source)).toEqual(outputs);
    expect(written()).toEqual([
      [
        "POST",
        "/nodes/pve/storage/files/download-url",
        {
          content: "import",
          filename: VOLUME.slice("files:import/".length),
          url: URL,
          checksum: HASH,
          "checksum-algorithm": "sha256",
          "verify-certificates": "1",
        },
      ],
    ]);
  });

  it.each([
    ["Sys.AccessNetwork", ["Sys.Modify"], {}],
    ["Sys.Modify", ["Sys.AccessNetwork"], {}],
  ])("needs no more than %s", async (_, without) => {
    privileges(fake(), { "/": withoutPrivileges("9.2", without) });
    await apply(source);
    expect(fake().writes).toHaveLength(1);
  });

  it("needs the privileges for the network, which an upload does not need", async () => {
    privileges(fake(), { "/": withoutPrivileges("9.2", ["Sys.Modify", "Sys.AccessNetwork"]) });
    expect(await failureOf(apply(source))).toContain(
      "source.url: the token lacks the privilege Sys.AccessNetwork or Sys.Modify on /nodes/pve or /",
    );
    expect(fake().writes).toEqual([]);
    await apply({});
    expect(fake().writes).toHaveLength(1);
  });
});

describe("the server", () => {
  it.each([
    ["a storage that does not exist", { storage: "none" }, "storage: the storage none is not on pve"],
    [
      "a storage for other contents",
      { storage: "local" },
      "storage: the storage local does not accept the content import (it accepts iso,vztmpl,backup)",
    ],
    ["a node that does not exist", { node: "pve9" }, "pve9"],
  ])("reports %s", async (_, more, message) => {
    expect(await failureOf(apply(more))).toContain(message);
    expect(fake().writes).toEqual([]);
  });

  it("reports a missing privilege", async () => {
    privileges(fake(), { "/": allPrivileges("9.2"), "/storage/files": [] });
    expect(await failureOf(apply({}))).toContain(
      "storage: the token lacks the privilege Datastore.AllocateTemplate on /storage/files",
    );
  });

  it("may refuse the list for another reason", async () => {
    fake().inject(async ({ path }, next) =>
      path.endsWith("/content") ? { status: 500, reason: "broken pipe" } : next(),
    );
    expect(await failureOf(apply({}))).toContain("500 broken pipe");
  });
});
