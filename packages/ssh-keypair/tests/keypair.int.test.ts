import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { timeSince } from "@nixops4-providers/e2e";
import { describeKeypair, describeWithSshKeygen } from "./keypair-scenarios.ts";
import { BuiltMember, type KeypairOutputs } from "./member.ts";

const PASSPHRASE = "a pass phrase";

describeKeypair(() => new BuiltMember());

describeWithSshKeygen("a run of keypair that is killed", () => {
  let folder: string;
  let file: string;
  let member: BuiltMember;
  beforeEach(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), "ssh-keypair-"));
    file = join(folder, "keys", "id");
    member = new BuiltMember();
  });
  afterEach(() => fs.rm(folder, { recursive: true }));

  const blobOf = ({ publicKey }: { publicKey: string }) => publicKey.split(" ")[1];

  async function expectKeyFile({ privateKeyFile, publicKey }: KeypairOutputs, passphrase: string) {
    const args = ["-y", "-P", passphrase, "-f", privateKeyFile!];
    expect(execFileSync("ssh-keygen", args, { encoding: "utf8" }).trim()).toBe(publicKey);
    expect((await fs.stat(privateKeyFile!)).mode & 0o7777).toBe(0o600);
  }

  it("at any moment is converged by the next one", async () => {
    const paths = [file, join(folder, "other", "id")];
    let key = blobOf(await member.apply({ privateKeyFile: file }));
    let keepers = 0;
    for (let round = 0; round < 24; round++) {
      if (round % 2 === 0) keepers++;
      const withPassphrase = round % 8 >= 4;
      const inputs = {
        privateKeyFile: paths[Math.floor(round / 2) % 2],
        keepers: { keepers },
        comment: `round ${round}`,
        ...(withPassphrase ? { passphrase: { value: PASSPHRASE } } : {}),
      };
      const provider = member.start();
      const answer = member.send(provider, inputs).catch(() => undefined);
      await sleep(50 + Math.random() * (withPassphrase ? 1000 : 200));
      await provider.kill("SIGKILL");
      await answer;
      const outputs = await member.apply(inputs);
      await expectKeyFile(outputs, withPassphrase ? PASSPHRASE : "");
      expect(blobOf(outputs) === key).toBe(round % 2 === 1);
      key = blobOf(outputs);
      expect(existsSync(paths.find((path) => path !== inputs.privateKeyFile)!)).toBe(false);
    }
  }, 120_000);

  it("by SIGTERM ends within two seconds, while OpenSSL looks for a large prime", async () => {
    const provider = member.start();
    const answer = member.send(provider, { algorithm: "rsa", bits: 8192, privateKeyFile: file });
    const refused = expect(answer).rejects.toThrow("interrupted by SIGTERM");
    while (!member.log.includes("making an rsa key of 8192 bits")) await sleep(10);
    const start = Date.now();
    await provider.kill("SIGTERM");
    expect(await timeSince(start)).toBeLessThan(2000);
    await refused;
    expect(existsSync(file)).toBe(false);
  });
});
