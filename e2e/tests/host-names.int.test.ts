import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type NetbootLab, netbootLabAvailable, startNetbootLab } from "@nixops4-providers/test-servers";
import { builtProvider } from "../harness/index.ts";
import { type NameServer, startNameServer } from "../lab/name-server.ts";

const unavailable = netbootLabAvailable();
const suite = unavailable === undefined ? describe : describe.skip;

/** Tests the records of a host in the component `network`, on a landscaper that uses no resolver. */
suite(`names for hosts${unavailable === undefined ? "" : ` (skipped: ${unavailable})`}`, () => {
  let lab: NetbootLab;
  let names: NameServer;

  beforeAll(async () => {
    lab = await startNetbootLab();
    const enter = (...command: string[]) => lab.enter(...command);
    names = await startNameServer({ folder: join(lab.folder, "dns"), address: lab.address, enter });
  });
  afterAll(async () => {
    await names?.dns.stop();
    await lab?.stop();
  });

  const apply = async (inputs: object): Promise<unknown> => {
    const { zone, server } = names;
    const inputProperties = { zone, server, name: "host1", ttl: 3600, ...inputs };
    const [program, ...args] = lab.enter(builtProvider("dns"));
    const child = spawn(program!, args, { stdio: ["pipe", "pipe", "ignore"] });
    const closed = once(child, "close");
    child.stdin.end(
      JSON.stringify({ createResourceRequest: { type: "record_set", isStateful: true, inputProperties } }),
    );
    const answer = await text(child.stdout);
    await closed;
    return JSON.parse(answer) as unknown;
  };
  const dig = async (...question: string[]) =>
    (await lab.run("dig", "+short", `@${lab.address}`, ...question)).trim();

  it("are written and verified, with a reverse zone whose name server has its address in another zone", async () => {
    const done = { createResourceResponse: { outputProperties: { fqdn: "host1.lab.test." } } };
    expect(await apply({ type: "A", values: ["10.99.0.11"], reverse: true })).toMatchObject(done);
    expect(await apply({ type: "SSHFP", values: [`4 2 ${"ab".repeat(32)}`] })).toMatchObject(done);
    expect(await dig("host1.lab.test", "A")).toBe("10.99.0.11");
    expect(await dig("-x", "10.99.0.11")).toBe("host1.lab.test.");
    expect((await dig("host1.lab.test", "SSHFP")).toLowerCase()).toMatch(/^4 2 abab/);
  });
});
