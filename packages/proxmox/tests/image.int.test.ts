import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { downloads } from "./fake-pve/storage.ts";
import { failure, itFollowsTheOfficialSchema, Member, peakMemory, useFakePve, vmInputs } from "./lab.ts";

const fake = useFakePve();
const folder = mkdtempSync(join(tmpdir(), "image-"));
afterAll(() => rmSync(folder, { recursive: true }));

const sha256 = (data: Buffer) => createHash("sha256").update(data).digest("hex");
const inputs = (more: object) => ({
  connection: fake().connection,
  node: "pve",
  storage: "files",
  name: "nixos.qcow2",
  ...more,
});

function localFile(data = randomBytes(300_000)) {
  const file = join(folder, randomBytes(6).toString("hex"));
  writeFileSync(file, data);
  return { file, data, hash: sha256(data) };
}

describe("an upload", () => {
  it("arrives whole, under a name with its hash, and is not sent again", async () => {
    const { file, data, hash } = localFile();
    const outputs = await new Member("image").apply(inputs({ source: { file } }));
    expect(outputs).toEqual({ volumeId: `files:import/nixos-${hash.slice(0, 16)}.qcow2`, sha256: hash });
    expect(fake().cluster.volumes.get(outputs["volumeId"] as string)).toMatchObject({
      bytes: data.length,
      sha256: hash,
    });
    expect(fake().writes.map(({ params }) => Object.keys(params))).toEqual([
      ["content", "checksum-algorithm", "checksum"],
    ]);
    fake().requests.length = 0;
    expect(await new Member("image").apply(inputs({ source: { file } }))).toEqual(outputs);
    expect(fake().writes).toEqual([]);
    const gone = { source: { file: join(folder, "gone") }, sha256: hash, ensure: "absent" };
    await new Member("image").apply(inputs(gone));
    await new Member("image").apply(inputs(gone));
    expect(fake().cluster.volumes.size).toBe(0);
  });

  it.each([0, 1, 65_536, 1_000_003])("of %d bytes arrives as it is", async (length) => {
    const { file, hash } = localFile(randomBytes(length));
    const { volumeId } = await new Member("image").apply(inputs({ source: { file } }));
    expect(fake().cluster.volumes.get(volumeId as string)).toMatchObject({ bytes: length, sha256: hash });
  });

  it("is done when the storage lists it, so that a VM can be created from it", async () => {
    let hidden = 3;
    fake().inject(async ({ path }, next) => {
      const answer = await next();
      const isListed = path.endsWith("/content") && (answer.data as unknown[]).length > 0;
      return isListed && hidden-- > 0 ? { ...answer, data: [] } : answer;
    });
    const { file } = localFile();
    const { volumeId } = await new Member("image").apply(inputs({ source: { file } }));
    expect(hidden).toBe(-1);
    const disks = { scsi0: { storage: "files", importFrom: volumeId, size: "1G" } };
    await new Member("vm").apply(vmInputs(fake(), { disks }));
    expect(fake().vm(100).config["scsi0"]).toBe("files:vm-100-disk-0,size=1G");
  });

  it("that the storage never lists is an error", async () => {
    fake().cluster.storages.get("files")!.lagMs = 60_000;
    const { file } = localFile();
    expect(
      await failure(new Member("image").apply(inputs({ source: { file }, visibleTimeoutSeconds: 0.5 }))),
    ).toContain("was written, but files does not list it on pve");
  });

  it("is repeated when its answer was lost", async () => {
    let isLost = false;
    fake().inject(async ({ path }, next) => {
      const answer = await next();
      if (isLost || !path.endsWith("/upload")) return answer;
      isLost = true;
      return { ...answer, lost: true };
    });
    const { file, hash } = localFile();
    const { volumeId } = await new Member("image").apply(inputs({ source: { file } }));
    expect(fake().cluster.volumes.get(volumeId as string)?.sha256).toBe(hash);
  });

  it("may take longer than the timeout for one answer", async () => {
    fake().inject(async ({ path }, next) => {
      if (path.endsWith("/upload")) await new Promise((resolve) => setTimeout(resolve, 1_500));
      return next();
    });
    const { file } = localFile();
    const connection = { ...fake().connection, timeoutSeconds: 1, retrySeconds: 0 };
    await new Member("image").apply(inputs({ connection, source: { file } }));
  });

  // UPLOAD_MIB=3072 is the size of a large image.
  it("holds a large file in constant memory", async () => {
    const mebibytes = Number(process.env["UPLOAD_MIB"] ?? 256);
    const file = join(folder, "large");
    const out = createWriteStream(file);
    const block = randomBytes(1024 ** 2);
    for (let written = 0; written < mebibytes; written++) if (!out.write(block)) await once(out, "drain");
    out.end();
    await once(out, "close");
    const member = new Member("image");
    const { volumeId } = await peakMemory(async () => member.apply(inputs({ source: { file } })));
    expect(fake().cluster.volumes.get(volumeId as string)?.bytes).toBe(mebibytes * 1024 ** 2);
    console.log(`peak memory of an upload of ${mebibytes} MiB: ${member.peakMebibytes?.toFixed(1)} MiB`);
    expect(member.peakMebibytes).toBeLessThan(120);
  }, 600_000);
});

describe("a download", () => {
  it("is verified, named by its hash, and not repeated", async () => {
    const url = "https://example.org/debian.qcow2";
    const hash = sha256(Buffer.from("debian"));
    downloads.set(url, { bytes: 5_000, sha256: hash });
    const given = inputs({ name: "debian.qcow2", source: { url }, sha256: hash.toUpperCase() });
    const outputs = await new Member("image").apply(given);
    expect(outputs).toEqual({ volumeId: `files:import/debian-${hash.slice(0, 16)}.qcow2`, sha256: hash });
    fake().requests.length = 0;
    await new Member("image").apply(given);
    expect(fake().writes).toEqual([]);
    const other = "0".repeat(64);
    expect(await failure(new Member("image").apply({ ...given, sha256: other }))).toContain(
      `downloading ${url} to files failed: checksum mismatch`,
    );
  });
});

describe("problems are reported before anything is sent", () => {
  it("in the file", async () => {
    const { file } = localFile();
    expect(
      await failure(new Member("image").apply(inputs({ source: { file }, sha256: "0".repeat(64) }))),
    ).toContain("has another SHA-256");
    const gone = { source: { file: join(folder, "none") } };
    expect(await failure(new Member("image").apply(inputs(gone)))).toContain(
      "source.file: cannot read the file",
    );
    expect(fake().requestsSeen).toBe(0);
  });

  it("on the server: a storage that does not accept the content, or does not exist", async () => {
    const { file } = localFile();
    const message = await failure(new Member("image").apply(inputs({ storage: "local", source: { file } })));
    expect(message).toContain(
      "storage: the storage local does not accept the content import (it accepts iso,vztmpl,backup)",
    );
    expect(
      await failure(new Member("image").apply(inputs({ storage: "nowhere", source: { file } }))),
    ).toContain("storage: the storage nowhere is not on pve");
    expect(fake().writes).toEqual([]);
  });
});

itFollowsTheOfficialSchema();
