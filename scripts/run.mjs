#!/usr/bin/env node
// Runs scripts/<task>.ts right after a clone: first installs the pinned dependencies when they are missing or out of
// date. Plain JavaScript, because tsx is not installed yet.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { findInstallObstacle, findObstacle } from "./lib/obstacles.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const [task, ...args] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `error: Node ${process.versions.node} is too old; this project needs ${manifest.engines.node}.`,
  );
  process.exit(1);
}

const script = join(root, "scripts", `${task}.ts`);
if (task === undefined || !existsSync(script)) {
  console.error(`error: no task "${task ?? ""}"; there are: ${Object.keys(manifest.scripts).join(", ")}.`);
  process.exit(1);
}

stopAt(findObstacle(root, task, args));
install();
const child = spawn(process.execPath, ["--import", "tsx", script, ...args], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, INVOKED_FROM: process.env.INIT_CWD ?? process.cwd() },
});
// The terminal sends Ctrl-C to the task, too. The task ends after its cleanup, and this process after the task.
process.on("SIGINT", () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code) => process.exit(code ?? 1));

function stopAt(obstacle) {
  if (obstacle === undefined) return;
  console.error(`error: ${obstacle}.`);
  process.exit(1);
}

function install() {
  const stamp = join(root, "node_modules", ".installed");
  const wanted = fingerprint();
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  stopAt(findInstallObstacle());
  console.error(`Installing dependencies with ${manifest.packageManager} …`);
  // Uses standard error, since a program may read the standard output of the task.
  if (pnpmInstall(["--reporter=append-only"], ["ignore", 2, 2]).status !== 0) {
    console.error(`error: installing the dependencies failed (see above). ${installHint()}`);
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
}

function pnpmInstall(options, stdio) {
  const args = ["exec", "--yes", "--", manifest.packageManager, "install", "--frozen-lockfile", ...options];
  return spawnSync("npm", args, { cwd: root, stdio, encoding: "utf8", env: { ...process.env, CI: "true" } });
}

function installHint() {
  // Compares the manifests with the lockfile, without the registry.
  const { stdout } = pnpmInstall(["--lockfile-only", "--offline"], ["ignore", "pipe", "ignore"]);
  if (!stdout?.includes("ERR_PNPM_OUTDATED_LOCKFILE")) return "Is the npm registry reachable?";
  const update = `npm exec -- ${manifest.packageManager} install --lockfile-only`;
  return `pnpm-lock.yaml does not match the package.json files: run \`${update}\`, then \`npm run pnpm-deps-hash\`.`;
}

function fingerprint() {
  const hash = createHash("sha256");
  const workspaces = readdirSync(join(root, "packages")).map((name) => join("packages", name));
  for (const file of [
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    ...[".", "e2e", ...workspaces].map((folder) => join(folder, "package.json")),
  ]) {
    const path = join(root, file);
    if (existsSync(path)) hash.update(`${file}\0`).update(readFileSync(path));
  }
  return hash.digest("hex");
}
