// Writes nix/packages/pnpm-deps.json: the hash by which nixpkgs' fetchPnpmDeps checks the packages of pnpm-lock.yaml.
// Computes it in the same way as nixpkgs' pkgs/build-support/node/fetch-pnpm-deps. Needs nix, GNU tar, the npm
// registry, and 4 GB of disk for a minute.
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { main } from "./lib/main.ts";
import { root } from "./lib/providers.ts";

/** The version of fetchPnpmDeps' layout for pnpm 10: the store as an archive. Version 4 is the same for pnpm 11. */
const FETCHER_VERSION = 3;

/** The version of nixpkgs' `pnpm_10`. 10.34.0, 10.34.4, 10.34.5 and 10.34.9 write the same store. */
const PNPM_VERSION = "10.34.5";

/** The version of nixpkgs' `zstd`. Another version may compress differently, which changes the hash. */
const ZSTD_VERSION = "1.5.7";

/** The tar options of fetchPnpmDeps. The time is SOURCE_DATE_EPOCH of stdenv, the start of 1980. */
const TAR_OPTIONS = [
  "--sort=name",
  "--mtime=@315532800",
  "--owner=0",
  "--group=0",
  "--numeric-owner",
  "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
];

const recordFile = join(root, "nix", "packages", "pnpm-deps.json");

interface Record {
  hash: string;
  fetcherVersion: number;
  pnpm: string;
  zstd: string;
  /** The SHA-256 of the pnpm-lock.yaml for which the hash was computed. */
  lockfileSha256: string;
}

/**
 * Returns an error when the recorded hash is not for the current lockfile; an empty string when it is. Does not use the
 * network.
 */
export async function stalePnpmDeps(): Promise<string> {
  const text = await readFile(recordFile, "utf8").catch(() => "{}");
  const { lockfileSha256, fetcherVersion } = JSON.parse(text) as Partial<Record>;
  if (lockfileSha256 === (await hashLockfile()) && fetcherVersion === FETCHER_VERSION) return "";
  return "nix/packages/pnpm-deps.json is not for this pnpm-lock.yaml";
}

async function recordPnpmDeps(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "pnpm-deps-"));
  try {
    await copyManifests(join(folder, "source"));
    const [store, output] = [join(folder, "store"), join(folder, "output")];
    await mkdir(output);
    await writeFile(join(output, ".fetcher-version"), `${FETCHER_VERSION}\n`);
    fetch(join(folder, "source"), store);
    await normalise(store);
    archive(store, join(output, "pnpm-store.tar.zst"));
    const record: Record = {
      hash: narHash(output),
      fetcherVersion: FETCHER_VERSION,
      pnpm: PNPM_VERSION,
      zstd: ZSTD_VERSION,
      lockfileSha256: await hashLockfile(),
    };
    await writeFile(recordFile, `${JSON.stringify(record, null, 2)}\n`);
    console.error(`${record.hash} written to nix/packages/pnpm-deps.json`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function hashLockfile(): Promise<string> {
  const lockfile = await readFile(join(root, "pnpm-lock.yaml"));
  return createHash("sha256").update(lockfile).digest("hex");
}

/** Copies the files that `pnpm install` reads. */
async function copyManifests(target: string): Promise<void> {
  const packages = await readdir(join(root, "packages"), { withFileTypes: true });
  const folders = packages.filter((entry) => entry.isDirectory()).map(({ name }) => join("packages", name));
  const manifests = [".", "e2e", ...folders].map((folder) => join(folder, "package.json"));
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", ...manifests]) {
    await mkdir(dirname(join(target, file)), { recursive: true });
    await copyFile(join(root, file), join(target, file));
  }
}

/** Downloads the packages. With `--force`, pnpm also fetches those for other platforms. */
function fetch(source: string, store: string): void {
  const pnpm = ["npm", "exec", "--yes", "--", `pnpm@${PNPM_VERSION}`, "install"];
  const options = ["--force", "--ignore-scripts", "--frozen-lockfile", "--reporter=append-only"];
  execFileSync("/usr/bin/env", [...pnpm, ...options, "--store-dir", store], {
    cwd: source,
    stdio: ["ignore", 2, 2],
    env: {
      ...process.env,
      npm_config_manage_package_manager_versions: "false",
      npm_config_side_effects_cache: "false",
    },
  });
}

/** Makes the store reproducible: removes times, sorts keys, and sets modes. */
async function normalise(store: string): Promise<void> {
  for (const name of ["tmp", "projects"])
    await rm(join(store, "v10", name), { recursive: true, force: true });
  for (const entry of await readdir(store, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile()) continue;
    if (entry.name.endsWith(".json")) {
      await writeFile(path, `${sortedJson(JSON.parse(await readFile(path, "utf8")))}\n`);
    }
    await chmod(path, entry.name.endsWith("-exec") ? 0o555 : 0o444);
  }
}

/** Packs a folder to the same bytes as nixpkgs' tar and zstd. Compresses in Node, which includes zstd. */
function archive(folder: string, target: string): void {
  const tar = `${target}.tar`;
  // Without write permission, the extracted directories could not be removed.
  execFileSync("tar", [...TAR_OPTIONS, "--mode=a=rX", "--directory", folder, "--create", "--file", tar, "."]);
  execFileSync(nodeWithZstd(), [join(root, "scripts/lib/pack-pnpm-store.mjs"), tar, target]);
  rmSync(tar);
}

function nodeWithZstd(): string {
  const candidates = [process.execPath, join(root, "e2e/node_modules/node-24/bin/node")];
  const has = (node: string) =>
    spawnSync(node, ["--print", "process.versions.zstd"], { encoding: "utf8" }).stdout?.trim() ===
    ZSTD_VERSION;
  const found = candidates.find(has);
  if (found !== undefined) return found;
  throw new Error(
    `none of ${candidates.join(", ")} has zstd ${ZSTD_VERSION}, which nixpkgs packs the dependencies with`,
  );
}

/** Prints JSON like `jq --sort-keys 'del(.. | .checkedAt?)'`. */
function sortedJson(value: unknown, indent = "\n"): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  const list = (open: string, items: string[], close: string) =>
    items.length === 0 ? open + close : `${open}${inner}${items.join(`,${inner}`)}${indent}${close}`;
  if (Array.isArray(value))
    return list(
      "[",
      value.map((item) => sortedJson(item, inner)),
      "]",
    );
  const members = Object.entries(value)
    .filter(([name]) => name !== "checkedAt")
    .toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, member]) => `${JSON.stringify(name)}: ${sortedJson(member, inner)}`);
  return list("{", members, "}");
}

function narHash(path: string): string {
  const args = ["--extra-experimental-features", "nix-command", "hash", "path", path];
  return execFileSync("nix", args, { encoding: "utf8" }).trim();
}

main(import.meta.url, recordPnpmDeps);
