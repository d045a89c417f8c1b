// Writes nix/packages/pnpm-deps.json: the hash that nixpkgs' fetchPnpmDeps gives to what pnpm-lock.yaml names,
// computed by doing what it does (pkgs/build-support/node/fetch-pnpm-deps in nixpkgs). It needs nix, the npm registry,
// and 4 GB of disk for a minute.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { main } from "./lib/main.ts";
import { root } from "./lib/providers.ts";

/**
 * Of the layouts that fetchPnpmDeps knows, the last one whose hash does not depend on the versions of tar and zstd:
 * from 3 on it is a compressed archive.
 */
const FETCHER_VERSION = 2;

/** As nixpkgs' `pnpm_10`; 10.34.0, 10.34.4 and 10.34.9 write the same store. */
const PNPM_VERSION = "10.34.4";

const recordFile = join(root, "nix", "packages", "pnpm-deps.json");

interface Record {
  hash: string;
  fetcherVersion: number;
  pnpm: string;
  /** Of the pnpm-lock.yaml that the hash was computed for. */
  lockfileSha256: string;
}

/** Why the recorded hash is not that of the current lockfile; empty when it is. Does not use the network. */
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
    const store = join(folder, "store");
    await mkdir(store);
    await writeFile(join(store, ".fetcher-version"), `${FETCHER_VERSION}\n`);
    fetch(join(folder, "source"), store);
    await normalise(store);
    const record: Record = {
      hash: narHash(store),
      fetcherVersion: FETCHER_VERSION,
      pnpm: PNPM_VERSION,
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

/** All that `pnpm install` reads of the repository. */
async function copyManifests(target: string): Promise<void> {
  const packages = await readdir(join(root, "packages"), { withFileTypes: true });
  const folders = packages.filter((entry) => entry.isDirectory()).map(({ name }) => join("packages", name));
  const manifests = [".", "e2e", ...folders].map((folder) => join(folder, "package.json"));
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", ...manifests]) {
    await mkdir(dirname(join(target, file)), { recursive: true });
    await copyFile(join(root, file), join(target, file));
  }
}

/** With `--force`, pnpm fetches what is for other platforms, too. */
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

/** Makes the store the same each time: no times, keys in order, fixed modes. */
async function normalise(store: string): Promise<void> {
  for (const name of ["tmp", "projects"])
    await rm(join(store, "v10", name), { recursive: true, force: true });
  for (const entry of await readdir(store, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    if (entry.name.endsWith(".json")) {
      await writeFile(path, `${sortedJson(JSON.parse(await readFile(path, "utf8")))}\n`);
    }
    await chmod(path, entry.name.endsWith("-exec") ? 0o555 : 0o444);
  }
}

/** As `jq --sort-keys 'del(.. | .checkedAt?)'` prints it. */
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
