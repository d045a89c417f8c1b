import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { builtProvider } from "@nixops4-providers/e2e";
import { findProgram, freePort, ServerProcess, startNamed } from "@nixops4-providers/test-servers";
import { dig, dnsServersAvailable, KEYS, Member, namedBackend, temporaryFolder } from "./lab.ts";

const suite = dnsServersAvailable ? describe : describe.skip;
const NAME = "www.example.test";

suite("waiting for what others serve", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const stops: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    await folder.remove();
  });

  it("is done when a secondary that lags behind serves the records, too", async () => {
    const secondaryPort = await freePort();
    const records = "@ NS ns1\n@ NS ns2\nns1 A 127.0.0.1\nns2 A 127.0.0.1\n";
    const zones = [{ name: "example.test", records }];
    const backend = await namedBackend(join(folder.path, "primary"), zones, {
      notify: [{ port: secondaryPort }],
    });
    stops.push(() => backend.stop());
    const secondary = await startNamed({
      folder: join(folder.path, "secondary"),
      keys: KEYS.filter(({ name }) => name === "hmac-sha256"),
      zones,
      primary: backend.target,
      port: secondaryPort,
    });
    stops.push(() => secondary.stop());
    const member = new Member(backend);
    const nameServers = {
      "ns1.example.test": `127.0.0.1:${backend.target.port}`,
      "ns2.example.test": `127.0.0.1:${secondaryPort}`,
    };
    const inputs = {
      name: "www",
      type: "A",
      values: ["192.0.2.1"],
      verify: { nameServers, timeoutSeconds: 60 },
    };
    await member.apply(inputs);
    expect(await dig(secondary, NAME, "A")).toEqual(["192.0.2.1"]);
    await member.apply({ ...inputs, values: [] });
    expect(await dig(secondary, NAME, "A")).toEqual([]);
    await secondary.stop();
    const failed = member.apply({ ...inputs, verify: { nameServers, timeoutSeconds: 1 } });
    await expect(failed).rejects.toThrow(
      /not every name server [^]*ns2\.example\.test\. \(127\.0\.0\.1 port \d+\) does not answer/,
    );
    expect(await dig(backend.target, NAME, "A")).toEqual(["192.0.2.1"]);
  }, 120_000);

  it("tells what the server does not show when it is asked", async () => {
    const backend = await namedBackend(folder.path, [
      { name: "example.test" },
      { name: "child.example.test", records: "@ NS ns1.example.test.\n" },
    ]);
    stops.push(() => backend.stop());
    const hidden = { name: "pgp", type: "CNAME", values: ["ns1"] };
    await backend.foreign(["update add pgp.example.test. 60 TYPE61 \\# 2 abcd"]);
    await expect(new Member(backend).apply(hidden)).rejects.toThrow(
      /because of records that it does not show when it is asked:\n {2}pgp\.example\.test\. CNAME/,
    );
    // The zone below the delegation is on this server, too, and answers in place of the one above.
    const delegation = { name: "child", type: "NS", ttl: 600, values: ["ns1", "ns2.example.org."] };
    const { rfc2136 } = backend.server as { rfc2136: object };
    const member = new Member(backend);
    await member.apply(delegation);
    const closed = { ...delegation, values: ["ns1"], server: { rfc2136: { ...rfc2136, transfer: false } } };
    await expect(member.apply(closed)).rejects.toThrow("allow a transfer of example.test.");
    await member.apply({ ...delegation, values: ["ns1"] });
    await member.apply({ ...closed, ttl: 300 });
    await member.apply({ ...delegation, values: [] });
  }, 60_000);

  const withUnbound = findProgram("unbound") === undefined ? it.skip : it;
  withUnbound(
    "after safeAfter, no cache holds the old answer",
    async () => {
      const backend = await namedBackend(folder.path, [{ name: "example.test" }]);
      stops.push(() => backend.stop());
      const cache = await startUnbound(folder.path, backend.target.port);
      stops.push(() => cache.stop());
      const member = new Member(backend);
      const inputs = { name: "www", type: "A", ttl: 6, values: ["192.0.2.1"] };
      await member.apply(inputs);
      // As a client that asked at the last moment before the change.
      expect(await dig(cache, NAME, "A")).toEqual(["192.0.2.1"]);
      const { safeAfter } = await member.apply({ ...inputs, values: ["192.0.2.2"] });
      expect(await dig(cache, NAME, "A")).toEqual(["192.0.2.1"]);
      await sleep(Date.parse(safeAfter as string) - new Date().getTime());
      expect(await dig(cache, NAME, "A")).toEqual(["192.0.2.2"]);
    },
    60_000,
  );

  const faketime = findProgram("faketime");
  (faketime === undefined ? it.skip : it).each([
    {
      shift: "+1000s",
      said: /the clock of the server is (99\d|100\d) s behind ours: TSIG allows 300 s \(BADTIME\)/,
    },
    {
      shift: "-1000s",
      said: /the clock of the server is (99\d|10[0-4]\d) s ahead of ours: TSIG allows 300 s \(BADTIME\)/,
    },
  ])("names the difference when our clock is off by $shift", async ({ shift, said }) => {
    const backend = await namedBackend(folder.path, [{ name: "example.test" }]);
    stops.push(() => backend.stop());
    const member = new Member(backend);
    const inputs = { name: "www", type: "A", values: ["192.0.2.1"] };
    await expect(member.applyApart(inputs, faketime, ["-f", shift, builtProvider("dns")])).rejects.toThrow(
      said,
    );
  });
});

/** A resolver that caches, which forwards nothing to the internet. */
async function startUnbound(folder: string, primaryPort: number) {
  const port = await freePort();
  const config = join(folder, "unbound.conf");
  await writeFile(
    config,
    [
      "server:",
      '  chroot: ""',
      '  username: ""',
      '  pidfile: ""',
      `  directory: "${folder}"`,
      "  use-syslog: no",
      "  verbosity: 1",
      "  interface: 127.0.0.1",
      `  port: ${port}`,
      "  do-not-query-localhost: no",
      '  module-config: "iterator"',
      "  access-control: 127.0.0.0/8 allow",
      '  local-zone: "test." nodefault',
      "stub-zone:",
      '  name: "example.test"',
      `  stub-addr: 127.0.0.1@${primaryPort}`,
      "",
    ].join("\n"),
  );
  const server = new ServerProcess("unbound", ["-d", "-c", config]);
  await server.ready((log) => log.includes("start of service"));
  return { address: "127.0.0.1", port, stop: () => server.stop() };
}
