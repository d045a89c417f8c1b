import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { builtProvider } from "@nixops4-providers/e2e";
import { failToDeploy, startDeploying } from "./deployer.ts";
import { missingForNamespaces, startNamespaceTarget } from "./namespace-target.ts";
import type { Target } from "./target.ts";
import { buildSystem } from "./test-systems.ts";

const FAR = "10.8.0.201";
/** Addresses that getaddrinfo(3) sorts first, since they share more bits with 10.8.0.2, the address of this machine. */
const DEAD = ["10.8.0.3", "10.8.0.4", "10.8.0.5", "10.8.0.6", "10.8.0.7"];
const NAMES = `127.0.0.1 localhost
fd09::2 far.test
${DEAD.map((address) => `${address} far.test\n`).join("")}${FAR} far.test
`;
const ONE_WAY_SECONDS = 0.17;
const HTTP_PORT = 8080;
const SERVER = `require("http").createServer((_, answer) => answer.writeHead(204).end()).listen(${HTTP_PORT})`;

const SETUP = `ip link set lo up
ip address add 10.8.0.2/24 dev far0
ip link set far0 up`;

function missing(): string | undefined {
  if (!existsSync("/dev/net/tun")) return "there is no /dev/net/tun";
  if (spawnSync("perl", ["-MTime::HiRes", "-e", "0"]).status !== 0) return "perl was not found";
  if (spawnSync("unshare", ["--net", "true"]).status !== 0) return "network namespaces are not allowed";
  return missingForNamespaces();
}

const reason = missing();
const suite = reason === undefined ? describe : describe.skip;

suite(`a far host with five dead addresses${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "far-host-"));
  const children: ReturnType<typeof spawn>[] = [];
  let target: Target;
  let system: string;

  beforeAll(async () => {
    system = await buildSystem({ name: "far" });
    target = await startNamespaceTarget({ ownNetwork: true });
    const link = spawn("nsenter", [
      ...target.network!,
      "perl",
      join(import.meta.dirname, "far-link.pl"),
      "far0",
      FAR,
      String(ONE_WAY_SECONDS),
    ]);
    children.push(link);
    await new Promise((resolve) => link.stderr.once("data", resolve));
    execFileSync("nsenter", [...target.network!, "sh", "-ec", SETUP]);
    const server = spawn("nsenter", [...target.network!, process.execPath, "-e", SERVER]);
    children.push(server);
    writeFileSync(join(folder, "hosts"), NAMES);
    const enter = `exec nsenter ${target.network!.join(" ")} unshare --mount sh -c 'mount --bind "$0" /etc/hosts && exec "$@"'`;
    writeFileSync(
      join(folder, "provider"),
      `#!/bin/sh\n${enter} ${join(folder, "hosts")} ${builtProvider("nixos")} "$@"\n`,
      { mode: 0o755 },
    );
  }, 60_000);

  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await target.stop();
    rmSync(folder, { recursive: true });
  });

  it("has them before its live one", () => {
    const script = `mount --bind ${folder}/hosts /etc/hosts; getent ahosts far.test`;
    const args = [...target.network!, "unshare", "--mount", "sh", "-c", script];
    const listed = execFileSync("nsenter", args, { encoding: "utf8" });
    const order = listed.split("\n").flatMap((line) => /^(10\S*) +STREAM/.exec(line)?.[1] ?? []);
    expect(order).toEqual([...DEAD, FAR]);
  });

  it("is reached, and its health checks hold", async () => {
    const healthChecks = [
      { tcp: { host: "far.test", port: HTTP_PORT }, timeoutSeconds: 5 },
      { http: { url: `http://far.test:${HTTP_PORT}/`, status: 204 }, timeoutSeconds: 5 },
    ];
    const far = { connection: { ...target.connection, host: "far.test" } };
    const executable = join(folder, "provider");
    const run = startDeploying(far, system, { healthChecks }, { executable });
    expect(await run.outputs).toMatchObject({ generation: 1 });
  });

  it("is an error when no address answers", async () => {
    const nobody = { connection: { ...target.connection, host: DEAD[0], connectTimeoutSeconds: 1 } };
    expect(await failToDeploy(nobody, system, {}, { executable: join(folder, "provider") })).toMatch(
      /cannot connect to 10\.8\.0\.3:\d+: no answer within 1 s/,
    );
  });
});
