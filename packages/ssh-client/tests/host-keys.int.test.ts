import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { connect as connectTcp, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { startSshLab, type SshLab } from "@nixops4-providers/test-servers";
import { checkConnection, connect, type ConnectionSettings } from "../src/index.ts";
import { connectionTo, describeWithSshd } from "./lab.ts";
import { testContext } from "./test-context.ts";

const run = promisify(execFile);

describeWithSshd("the host and its keys", () => {
  let lab: SshLab;
  beforeAll(async () => void (lab = await startSshLab()));
  afterAll(() => lab.stop());

  async function presented(connection: ConnectionSettings): Promise<string> {
    const ssh = await connect(connection, testContext());
    ssh.end();
    return ssh.hostPublicKey;
  }
  const plain = () => lab.hostKey.publicKey.split(" ").slice(0, 2).join(" ");
  const withLines = (...hostPublicKeys: string[]) => connectionTo(lab, { hostPublicKeys });
  const problemOf = (line: string, changes: Partial<ConnectionSettings> = {}) =>
    checkConnection({ ...withLines(line), ...changes }).map(({ path, message }) => `${path}: ${message}`);

  it("may be given as lines of known_hosts, as ssh-keyscan prints and ssh-keygen -H hashes them", async () => {
    const { stdout } = await run("ssh-keyscan", ["-p", String(lab.sshd.port), "-t", "ed25519", "127.0.0.1"]);
    const scanned = stdout.split("\n").find((line) => line !== "" && !line.startsWith("#"))!;
    expect(scanned).toMatch(/^\[127\.0\.0\.1\]:\d+ ssh-ed25519 /);
    const file = join(lab.folder, "known_hosts");
    await writeFile(file, `${scanned}\n`);
    await run("ssh-keygen", ["-H", "-f", file]);
    const hashed = (await readFile(file, "utf8")).trim();
    expect(hashed).toMatch(/^\|1\|/);
    for (const line of [scanned, hashed, `127.0.0.*,web1 ${plain()} a comment`]) {
      expect(problemOf(line)).toEqual([]);
      expect(await presented(withLines(line))).toBe(plain());
    }
    expect(problemOf(hashed, { host: "127.0.0.2" })).toEqual([
      expect.stringMatching(
        /hostPublicKeys\[0\]: is a line of known_hosts for a host whose name is hashed, not for 127/,
      ),
    ]);
  });

  it("of another host, a CA or a revoked key are refused, with what to do", async () => {
    expect(problemOf(`web1,!127.0.0.1,127.* ${plain()}`)).toEqual([
      "connection.hostPublicKeys[0]: is a line of known_hosts for web1,!127.0.0.1,127.*, not for 127.0.0.1: " +
        "without its first word it is taken as this host's",
    ]);
    expect(problemOf(`@cert-authority *.example.org ${plain()}`)).toEqual([
      expect.stringContaining("is the key of a certificate authority"),
    ]);
    expect(problemOf(`@revoked * ${plain()}`)).toEqual([expect.stringContaining("is marked @revoked")]);
    expect(problemOf("127.0.0.1 ssh-ed25519 garbage")).toEqual([expect.stringContaining("base64")]);
  });

  it("may be an IPv6 address with brackets or without; not one with a user or a port", async () => {
    const proxy = createServer((client) => {
      const upstream = connectTcp(lab.sshd.port, "127.0.0.1");
      client.pipe(upstream).pipe(client);
      client.on("error", () => upstream.destroy());
      upstream.on("error", () => client.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, "::1", resolve));
    const { port } = proxy.address() as AddressInfo;
    for (const host of ["::1", "[::1]"]) {
      const connection = connectionTo(lab, { host, port });
      expect(checkConnection(connection)).toEqual([]);
      expect(await presented(connection)).toBe(plain());
    }
    proxy.close();
    expect(problemOf(plain(), { host: "root@192.0.2.1:22" })).toEqual([
      "connection.host: must be a name or an address alone; set `user` and `port` to the rest",
    ]);
  });
});
