import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { builtProvider } from "@nixops4-providers/e2e";
import { findProgram, startNamed, startPowerDns } from "@nixops4-providers/test-servers";
import { dnsServersAvailable, KEYS, SECRET, temporaryFolder } from "./lab.ts";

function missing(): string | undefined {
  if (!dnsServersAvailable) return "the DNS servers are not installed";
  if (!existsSync("/dev/net/tun")) return "there is no /dev/net/tun";
  if (spawnSync("unshare", ["--net", "--mount", "true"]).status !== 0) return "namespaces are not allowed";
  return undefined;
}

const reason = missing();
const suite = reason === undefined ? describe : describe.skip;
const zones = [{ name: "example.test" }];

/** A link without another end takes packets and answers none. */
const SETUP = `ip link set lo up
ip tuntap add dead0 mode tun
ip address add fd09::1/64 dev dead0 nodad
ip link set dead0 up
mount --bind "$1/hosts" /etc/hosts
cd "$1"
"$2" "$3" > log 2>&1 < /dev/null &
trap 'kill $!' EXIT
until grep -q "$4" log; do sleep 0.05; done
"$5"`;

suite(`a server whose first address is dead${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeFile(join(folder.path, "hosts"), "127.0.0.1 localhost\nfd09::2 ns.test\n127.0.0.1 ns.test\n");
  });
  afterAll(() => folder.remove());

  /** Runs the provider beside a server in a network of its own. */
  const apply = (
    server: object,
    [program, argument, readyLine]: [string, string, string],
    verify: object = { authoritative: false },
  ) => {
    const inputProperties = {
      server,
      zone: "example.test",
      name: "www",
      type: "A",
      values: ["192.0.2.1"],
      verify,
    };
    const input = JSON.stringify({
      createResourceRequest: { type: "record_set", inputProperties, isStateful: true },
    });
    return execFileSync(
      "unshare",
      [
        "--net",
        "--mount",
        "sh",
        "-ec",
        SETUP,
        "sh",
        folder.path,
        findProgram(program)!,
        argument,
        readyLine,
        builtProvider("dns"),
      ],
      { input, encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] },
    );
  };

  it.each(["tcp", "udp"])("is reached over %s", async (transport) => {
    const named = await startNamed({ folder: folder.path, keys: KEYS, zones });
    await named.stop();
    const tsig = { name: "hmac-sha256", secret: { value: SECRET } };
    const server = { rfc2136: { address: "ns.test", port: named.port, transport, tsig, timeoutSeconds: 20 } };
    const output = apply(server, ["named", `-gc${folder.path}/named.conf`, "running"]);
    expect(output).toContain('"fqdn":"www.example.test."');
  });

  it("is asked for what it serves at the addresses that this machine has a route to", async () => {
    const records = "@ NS ns1\nns1 A 127.0.0.1\nns1 AAAA 2001:db8::1\n";
    const named = await startNamed({
      folder: join(folder.path, "routes"),
      keys: KEYS,
      zones: [{ name: "example.test", records }],
    });
    await named.stop();
    const config = join(folder.path, "routes", "named.conf");
    await writeFile(config, (await readFile(config, "utf8")).replace(` port ${named.port} `, " port 53 "));
    const server = {
      rfc2136: { address: "127.0.0.1", tsig: { name: "hmac-sha256", secret: { value: SECRET } } },
    };
    const output = apply(server, ["named", `-gc${config}`, "running"], { timeoutSeconds: 5 });
    expect(output).toContain('"fqdn":"www.example.test."');
  });

  it("is reached by HTTP", async () => {
    const powerdns = await startPowerDns({ folder: folder.path, keys: KEYS, zones });
    await powerdns.stop();
    const url = powerdns.url.replace("127.0.0.1", "ns.test");
    const server = { powerdns: { url, apiKey: { value: powerdns.apiKey } } };
    const output = apply(server, ["pdns_server", `--config-dir=${folder.path}`, "Done launching threads"]);
    expect(output).toContain('"fqdn":"www.example.test."');
  });
});
