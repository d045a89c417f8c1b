import { execFileSync, spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { makeSshKey, startSshd } from "@nixops4-providers/test-servers";
import { BoundKeys, fingerprintOf, HostKeyLab, plain, privateLines } from "./host-key-lab.ts";
import { commandLines, create, describeWithSshd } from "./lab.ts";

const isRoot = process.getuid?.() === 0;

describeWithSshd("ssh.host_key", () => {
  let host: HostKeyLab;
  beforeEach(async () => void (host = await HostKeyLab.start()));
  afterEach(() => host.stop());

  it("replaces the host key by one that the host makes, and removes the old one", async () => {
    const { outputs, error, stderr } = await host.create();
    expect(error).toBeUndefined();
    const key = host.presented();
    const [, sshfp] = execFileSync("ssh-keygen", ["-r", "x", "-f", host.path("host.pub")], {
      encoding: "utf8",
    }).split("\n");
    expect(outputs).toEqual({
      hostPublicKey: key,
      fingerprint: fingerprintOf(key),
      sshfp: [sshfp!.replace("x IN SSHFP ", "")],
    });
    expect(key).not.toBe(host.temporaryKey);
    expect(host.keyIn("host")).toBe(key);
    expect(readFileSync(host.path("host.pub"), "utf8")).toContain(key);
    expect(host.files()).toEqual({
      host: "600",
      "host.pub": "644",
      ssh_host_key_rotations: "644",
      "ssh_host_key_rotations.lock": "600",
    });
    expect(stderr).toContain(`a new host key in place of ${fingerprintOf(host.temporaryKey)}`);
  });

  it("does not copy private keys off the host", async () => {
    const old = privateLines(host.path("host"));
    const seen: string[] = [];
    const watch = setInterval(() => seen.push(commandLines()), 20);
    const { error, stderr, outputs } = await host.create();
    clearInterval(watch);
    expect(error).toBeUndefined();
    const said = seen.join("") + stderr + JSON.stringify(outputs) + readFileSync(host.record, "utf8");
    const secrets = [...old, ...privateLines(host.path("host"))].filter((line) => line.length > 60);
    expect(secrets.length).toBeGreaterThan(4);
    expect(said).toContain("nixops4-watchdog");
    // Only these lines contain the private half; the first ones of a key are public.
    for (const line of secrets.filter((_, index) => index % 5 >= 2)) expect(said).not.toContain(line);
  });

  it("makes one key in runs at the same time", async () => {
    const results = await Promise.all(Array.from({ length: 3 }, () => host.create()));
    const key = host.presented();
    expect(results.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    expect(results.map(({ outputs }) => outputs["hostPublicKey"])).toEqual([key, key, key]);
    expect(host.files()).toEqual({
      host: "600",
      "host.pub": "644",
      ssh_host_key_rotations: "644",
      "ssh_host_key_rotations.lock": "600",
    });
  });

  (isRoot ? it : it.skip)("writes into key files that are mount points (needs root)", async () => {
    const bound = await BoundKeys.bind(host, ["host", "host.pub"]);
    try {
      const { outputs, error } = await host.create();
      expect(error).toBeUndefined();
      expect(host.presented()).toBe(outputs["hostPublicKey"]);
      expect(bound.keyIn("host")).toBe(outputs["hostPublicKey"]);
      expect(bound.read("host.pub").trim()).toContain(outputs["hostPublicKey"]);
      const files = { host: "600", "host.pub": "644", ssh_host_key_rotations: "644" };
      expect(host.files()).toEqual({ ...files, "ssh_host_key_rotations.lock": "600" });
      // The host has converged: a second run changes nothing.
      const before = bound.read("host");
      expect((await host.create()).outputs).toEqual(outputs);
      expect(bound.read("host")).toBe(before);
      // First a longer key, then a shorter one.
      const longer = await host.update(outputs, { algorithm: "rsa" }, {});
      expect(host.presented("rsa")).toBe(longer["hostPublicKey"]);
      expect(bound.keyIn("host")).toBe(longer["hostPublicKey"]);
      const shorter = await host.update(longer, {}, { algorithm: "rsa" });
      expect(host.presented()).toBe(shorter["hostPublicKey"]);
      expect(bound.keyIn("host")).toBe(shorter["hostPublicKey"]);
    } finally {
      bound.release();
    }
  });

  it("warns about a host certificate for the old key", async () => {
    await makeSshKey(host.lab.folder, "user_ca");
    const sign = ["-q", "-s", host.path("user_ca"), "-I", "host", "-h", host.path("host.pub")];
    execFileSync("ssh-keygen", sign);
    const certificate = host.path("host-cert.pub");
    await host.lab.sshd.reload({ extraConfig: [...host.extraConfig, `HostCertificate ${certificate}`] });
    const { error, stderr, outputs } = await host.create();
    expect(error).toBeUndefined();
    expect(stderr).toContain(
      `no longer presents its host certificate ${certificate}, which is for the former key`,
    );
    expect(stderr).toContain(fingerprintOf(host.temporaryKey));
    execFileSync("ssh-keygen", sign);
    expect(await host.update(outputs)).toEqual(outputs);
    expect((await host.create()).stderr).not.toContain("certificate");
  });

  it("cannot be blocked by a lock on a file that other users can read", async () => {
    const readable = [host.lab.folder, host.path("host.pub")];
    const others = readable.map((path) => spawn("flock", [path, "sleep", "60"], { detached: true }));
    try {
      expect((await host.create({ timeoutSeconds: 10 })).error).toBeUndefined();
    } finally {
      for (const { pid } of others) process.kill(-pid!);
    }
  });

  it("gives up when another run is not done in time", async () => {
    const lock = host.path("ssh_host_key_rotations.lock");
    const other = spawn("flock", [lock, "sleep", "60"], { detached: true });
    try {
      const { error, stderr } = await host.create({ timeoutSeconds: 2 });
      expect(stderr).toContain("waiting for another run that uses the host keys of");
      expect(error).toMatch(/another run still uses the host keys of .* within 2 s\nApply again/);
      expect(host.presented()).toBe(host.temporaryKey);
    } finally {
      process.kill(-other.pid!);
    }
  });

  it("changes nothing in the next run, and starts from the recorded key when the keepers change", async () => {
    const first = (await host.create({ keepers: { year: 1 } })).outputs;
    const before = host.lab.sshd.log().split("Received SIGHUP").length;
    expect(await host.update(first, { keepers: { year: 1 } })).toEqual(first);
    expect(host.lab.sshd.log().split("Received SIGHUP")).toHaveLength(before);
    const { outputs: again } = await host.create({ keepers: { year: 1 } });
    expect(again).toEqual(first);

    const second = await host.update(first, { keepers: { year: 2 } }, { keepers: { year: 1 } });
    expect(second["hostPublicKey"]).not.toBe(first["hostPublicKey"]);
    expect(host.presented()).toBe(second["hostPublicKey"]);
    // After a loss of the state, only the first key is known. Each key signs the next one.
    const { outputs: adopted } = await host.create({ keepers: { year: 2 } });
    expect(adopted).toEqual(second);
  });

  it.each([
    ["ecdsa", undefined, "ecdsa-sha2-nistp256", 256],
    ["ecdsa", 521, "ecdsa-sha2-nistp521", 521],
    ["rsa", 2048, "ssh-rsa", 2048],
  ])("makes a key of the kind %s %s in place of one of another kind", async (algorithm, bits, type, size) => {
    const { outputs, error } = await host.create({ algorithm, bits });
    expect(error).toBeUndefined();
    const key = outputs["hostPublicKey"] as string;
    expect(host.presented(algorithm)).toBe(key);
    expect(key.split(" ")[0]).toBe(type);
    const listed = execFileSync("ssh-keygen", ["-l", "-f", "-"], { input: key, encoding: "utf8" });
    expect(listed.split(" ")[0]).toBe(String(size));
    expect((await host.create({ algorithm, bits })).outputs).toEqual(outputs);
  });

  it("keeps the old key for the configured time", async () => {
    const { outputs } = await host.create({ oldKey: "keep" });
    expect(host.keyIn("host.old")).toBe(host.temporaryKey);
    expect(host.files()["host.old"]).toBe("600");
    expect(await host.update(outputs, { oldKey: "remove" })).toEqual(outputs);
    expect(Object.keys(host.files())).toEqual([
      "host",
      "host.pub",
      "ssh_host_key_rotations",
      "ssh_host_key_rotations.lock",
    ]);
  });

  describe("on a host with several host keys", () => {
    beforeEach(async () => {
      const rsa = await makeSshKey(host.lab.folder, "host_rsa", ["-t", "rsa", "-b", "2048"]);
      await host.lab.sshd.reload({ hostKeyFiles: [rsa.file, host.lab.hostKey.file] });
    });

    it("replaces the key of the same type, and no longer offers the old one", async () => {
      const { outputs, error } = await host.create({ algorithm: "rsa", bits: 2048 });
      expect(error).toBeUndefined();
      expect(host.presented("rsa")).toBe(outputs["hostPublicKey"]);
      expect(host.presented("ed25519")).toBe("");
      expect(Object.keys(host.files())).toEqual([
        "host_rsa",
        "host_rsa.pub",
        "ssh_host_key_rotations",
        "ssh_host_key_rotations.lock",
      ]);
      expect((await host.create({ algorithm: "rsa", bits: 2048 })).outputs).toEqual(outputs);
    });

    it("still offers a kept key of another type", async () => {
      const inputs = { algorithm: "rsa", bits: 2048, oldKey: "keep" };
      const { outputs, error } = await host.create(inputs);
      expect(error).toBeUndefined();
      expect(host.presented("rsa")).toBe(outputs["hostPublicKey"]);
      expect(host.presented("ed25519")).toBe(host.temporaryKey);
      expect((await host.create(inputs)).outputs).toEqual(outputs);
      expect(await host.update(outputs, { ...inputs, oldKey: "remove" })).toEqual(outputs);
      expect(host.presented("ed25519")).toBe("");
    });

    it("does not change the others", async () => {
      const rsa = host.presented("rsa");
      const { outputs } = await host.create();
      expect(host.presented("ed25519")).toBe(outputs["hostPublicKey"]);
      expect(host.presented("rsa")).toBe(rsa);
    });
  });

  describe("with another server at the host's address", () => {
    const refusal = async (expectedKey = host.temporaryKey) => {
      const impostor = await host.replaceServer();
      return {
        impostor,
        expectRefused: async (why: string) => {
          const { error } = await host.create();
          expect(error).toContain(
            `is not the expected one: expected ${fingerprintOf(expectedKey)} (ssh-ed25519), presented ` +
              `${fingerprintOf(impostor.publicKey)} (ssh-ed25519); ${why}`,
          );
        },
      };
    };
    let stop: (() => Promise<void>) | undefined;
    afterEach(async () => stop?.());

    it("no longer trusts the temporary key once the host's own is recorded", async () => {
      await host.stop();
      host = await HostKeyLab.start();
      const { lab } = host;
      const stolen = host.path("sshd_stolen");
      writeFileSync(stolen, readFileSync(host.path("host")), { mode: 0o600 });
      const { outputs } = await host.create();
      await lab.sshd.stop();
      const impostor = await startSshd({
        folder: lab.folder,
        port: lab.sshd.port,
        hostKeyFiles: [stolen],
        authorizedKeys: [lab.userKey.publicKey],
      });
      try {
        expect(host.presented()).toBe(host.temporaryKey);
        const update = host.update(outputs, { timeoutSeconds: 21 }, { timeoutSeconds: 20 });
        await expect(update).rejects.toThrow(
          `its statement is not valid: the signature is by another key, ${fingerprintOf(host.temporaryKey)}`,
        );
        // While nothing is recorded, the temporary key is the only known one, and can be added again.
        const added = { ...lab.connection, hostPublicKeys: [outputs["hostPublicKey"], host.temporaryKey] };
        const before = { ...lab.connection, hostPublicKeys: [outputs["hostPublicKey"]] };
        await host.update(outputs, { connection: added }, { connection: before });
      } finally {
        await impostor.stop();
      }
    });

    it("refuses an unknown key without a statement", async () => {
      const { impostor, expectRefused } = await refusal();
      stop = () => impostor.stop();
      await expectRefused(`it has no statement in ${host.lab.folder} that a new key was made`);
    });

    it("refuses statements of a man in the middle, and accepts the one that the old key signed", async () => {
      const { impostor, expectRefused } = await refusal();
      stop = () => impostor.stop();
      const oldKey = host.lab.hostKey.file;
      const { host: address, port } = host.lab.sshd;

      impostor.claim({ signWith: impostor.key.file });
      await expectRefused(
        `its statement is not valid: the signature is by another key, ${fingerprintOf(impostor.publicKey)}`,
      );
      impostor.claim({ signWith: oldKey, host: `${address}:${port + 1}` });
      await expectRefused(`its statement is not valid: it is for the host "${address}:${port + 1}"`);
      impostor.claim({ signWith: oldKey, namespace: "file" });
      await expectRefused('its statement is not valid: the signature is for "file"');
      impostor.claim({ signWith: oldKey, oldFingerprint: fingerprintOf(impostor.publicKey) });
      await expectRefused("its statement is not valid: it is not about the key that signed it");
      impostor.claim({ signWith: oldKey, newPublicKey: host.temporaryKey });
      await expectRefused("its statement is not valid: its fingerprint is not of its key");
      impostor.claim({ signWith: oldKey, version: 2 });
      await expectRefused('its statement is not valid: its version is "2"');

      impostor.claim({ signWith: oldKey });
      const record = readFileSync(host.record, "utf8");
      writeFileSync(host.record, record.replace('\\"operationId\\":\\"0\\"', '\\"operationId\\":\\"1\\"'));
      await expectRefused("its statement is not valid: the signature does not match the message");
      writeFileSync(host.record, `{"statement":"{}"\n${"x".repeat(1000)}`);
      await expectRefused("its statement is not valid: it is not JSON");
      writeFileSync(host.record, "x".repeat(2 * 1024 * 1024));
      const where = `${address}:${port}`;
      await expectRefused(
        `its record of rotations cannot be read: cannot read the record of rotations on ${where}: it printed more`,
      );

      writeFileSync(host.record, record);
      const { outputs } = await host.create();
      expect(outputs["hostPublicKey"]).not.toBe(host.temporaryKey);
    });

    it("refuses a statement that was made for another key, before and after the state knows of it", async () => {
      const { outputs } = await host.create();
      const { impostor, expectRefused } = await refusal();
      stop = () => impostor.stop();
      const fingerprint = outputs["fingerprint"] as string;
      await expectRefused(`its statement is about another key, ${fingerprint} (ssh-ed25519)`);
      await expect(host.update(outputs)).rejects.toThrow(
        `expected ${fingerprint} (ssh-ed25519), presented ${fingerprintOf(impostor.publicKey)} (ssh-ed25519); ` +
          "its statement is not valid: the signature is by another key",
      );
    });

    it("refuses a host that does not let the user in to read its record", async () => {
      const impostor = await host.replaceServer();
      await impostor.stop();
      const { port } = host.lab.sshd;
      const settings = { folder: host.lab.folder, name: "sshd_other", authorizedKeys: [], port };
      const key = await makeSshKey(host.lab.folder, "sshd_other_key");
      const sshd = await startSshd({ ...settings, hostKeyFiles: [key.file] });
      stop = () => sshd.stop();
      const { error } = await host.create();
      expect(error).toContain(
        `presented ${fingerprintOf(plain(key))} (ssh-ed25519); its record of rotations cannot`,
      );
      expect(error).toContain("refused the login of");
    });
  });

  it("refuses bad inputs all at once, each with its path", async () => {
    const inputs = host.inputs({ algorithm: "rsa", bits: 1024, directory: "etc/ssh", reload: {} });
    const { error } = await create("host_key", inputs, true);
    expect(error).toContain("directory: must be an absolute path, such as /etc/ssh");
    expect(error).toContain("reload: must have exactly one of unit, command");
    expect((await host.create({ algorithm: "ecdsa", bits: 255 })).error).toContain(
      "bits: must be 256, 384 or 521",
    );
    expect((await create("host_key", host.inputs())).error).toContain("require state");
  });
});
