import * as fs from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { timeSince } from "@nixops4-providers/e2e";
import { BootLab, ENTRY_ID, MAC, until } from "./boot-lab.ts";

const SECRET = "correct horse battery staple";

let lab: BootLab;
let kernel: { path: string; sha256: string };
let initrd: { path: string; sha256: string };
beforeEach(async () => {
  lab = await BootLab.start();
  kernel = await lab.file("bzImage", "a kernel");
  initrd = await lab.file("initrd", "an initrd");
});
afterEach(async () => {
  const { output } = lab;
  await lab.end();
  expect(output).not.toContain(SECRET);
});

const apply = (inputs: object = {}) =>
  lab.apply("boot_entry", { macs: [MAC], kernel: kernel.path, initrd: initrd.path, ...inputs });
const messageOf = (work: Promise<unknown>) => work.then(() => "", String);

describe("present", () => {
  it("uploads what is missing and arms the entry; again, it changes nothing", async () => {
    const { log, ...outputs } = await apply({ macs: ["52-54-00-12-34-56", "52:54:00:AB:CD:EF"] });
    expect(outputs).toEqual({
      entryId: ENTRY_ID,
      scriptUrl: `http://192.0.2.1:8080/machines/${ENTRY_ID}/boot.ipxe`,
    });
    expect(log).toMatch(
      /entry 52-54-00-12-34-56 is armed: the machine 52:54:00:12:34:56, 52:54:00:ab:cd:ef installs itself \(generation 1\) when it boots from the network before \d{4}-/,
    );
    expect(lab.uploads).toEqual([kernel.sha256, initrd.sha256]);
    const { spec, digest } = lab.core.getEntry(ENTRY_ID)! as { spec: object; digest?: string };

    const again = await apply({ macs: ["52-54-00-12-34-56", "52:54:00:AB:CD:EF"] });
    expect(again.log).toMatch(/entry 52-54-00-12-34-56 is unchanged: waiting for the machine/);
    expect(lab.uploads).toHaveLength(2);
    expect(lab.core.getEntry(ENTRY_ID)).toMatchObject({ spec, digest });
  });

  it("says all that the inputs say", async () => {
    const second = await lab.file("extra.cpio", "more");
    await apply({
      name: "web-1",
      architecture: "aarch64",
      initrd: [initrd.path, second.path],
      cmdline: ["console=ttyS0", "quiet"],
      files: {
        "/etc/motd": { contents: "hello\n" },
        "/etc/run": { contents: "#!/bin/sh\n", mode: "0755" },
        "/etc/password": { secret: { value: SECRET } },
        "/etc/key": { secret: { value: `line\n${SECRET}` }, mode: "0400" },
      },
      installGeneration: 3,
      onInterrupted: "retry",
      biosLocalBoot: "exit",
      expireSeconds: 60,
      silenceSeconds: 10,
      login: "root@10.0.0.11",
    });
    const files = [
      { path: "/etc/motd", contents: "hello\n", mode: 0o644, secret: false },
      { path: "/etc/run", contents: "#!/bin/sh\n", mode: 0o755, secret: false },
      { path: "/etc/password", contents: SECRET, mode: 0o600, secret: true },
      { path: "/etc/key", contents: `line\n${SECRET}\n`, mode: 0o400, secret: true },
    ];
    expect(lab.core.getEntry("web-1")!.spec).toEqual({
      id: "web-1",
      macs: [MAC],
      architecture: "aarch64",
      kernel: { sha256: kernel.sha256, size: 8 },
      initrds: [
        { sha256: initrd.sha256, size: 9 },
        { sha256: second.sha256, size: 4 },
      ],
      cmdline: "console=ttyS0 quiet",
      files: files.map(({ path, mode, secret }) => ({ path, mode, secret })),
      overlay: { sha256: expect.any(String), size: expect.any(Number) },
      installGeneration: 3,
      onInterrupted: "retry",
      biosLocalBoot: "exit",
      expireSeconds: 60,
      silenceSeconds: 10,
      login: "root@10.0.0.11",
    });
    const facts = { address: "192.0.2.50", firmware: "efi", architecture: "arm64" };
    const decision = await lab.core.startBoot(MAC, facts);
    if (decision.kind !== "install") throw new Error(decision.reason);
    const overlay = await lab.core.overlay(decision.bootId, facts.address).files();
    expect(overlay.map((file) => ({ ...file, contents: file.contents.toString() }))).toEqual(files);
  });

  it("uploads nothing that the server's Nix store has", async () => {
    const stored = await lab.file("nix/store/0123-kernel/bzImage", "a stored kernel");
    await fs.symlink(stored.path, join(lab.folder, "result"));
    await apply({ kernel: join(lab.folder, "result"), initrd: [] });
    expect(lab.uploads).toEqual([]);
    expect(await fs.readlink(join(lab.folder, "state", "assets", stored.sha256))).toBe(stored.path);
  });

  it("takes two creates of the same assets at once", async () => {
    const macs = ["52:54:00:00:00:01", "52:54:00:00:00:02"];
    const big = await lab.file("big", Buffer.alloc(20_000_000, 1));
    await Promise.all(macs.map((mac) => apply({ macs: [mac], kernel: big.path })));
    expect(lab.core.listEntries().map(({ spec }) => spec.kernel.sha256)).toEqual(Array(2).fill(big.sha256));
  });

  it("converges after it was killed in the middle of an upload", async () => {
    const path = join(lab.folder, "big");
    await fs.writeFile(path, "");
    await fs.truncate(path, 400_000_000);
    const provider = lab.provider();
    const work = provider.create("boot_entry", { server: { socket: lab.socket }, macs: [MAC], kernel: path });
    const failed = expect(work).rejects.toThrow("was killed by SIGKILL");
    await until("an upload", () => lab.uploads.length > 0);
    await provider.kill("SIGKILL");
    await failed;
    expect(lab.core.getEntry(ENTRY_ID)).toBeUndefined();
    const { log } = await lab.apply("boot_entry", { macs: [MAC], kernel: path });
    expect(log).toMatch(/uploading .*big, 381\.5 MiB/);
    expect(lab.core.getEntry(ENTRY_ID)!.spec.kernel.size).toBe(400_000_000);
    const names = await fs.readdir(join(lab.folder, "state", "assets"));
    expect(names).toEqual([lab.core.getEntry(ENTRY_ID)!.spec.kernel.sha256]);
  });

  it("waits for a server that is starting", async () => {
    await lab.stopServer();
    const provider = lab.provider();
    const work = provider.create("boot_entry", {
      server: { socket: lab.socket },
      macs: [MAC],
      kernel: kernel.path,
    });
    await until("the warning", () => provider.stderr.includes("trying again for 15 s"));
    await lab.startServer();
    expect(await work).toMatchObject({ entryId: ENTRY_ID });
    expect(provider.stderr).toMatch(/cannot ask which assets are missing .*api\.sock.*ENOENT/);
    await provider.close();
  });

  it("uploads again when the server was restarted in the middle of it", async () => {
    const path = join(lab.folder, "big");
    await fs.writeFile(path, "");
    await fs.truncate(path, 400_000_000);
    const work = apply({ kernel: path, initrd: [] });
    await until("an upload", () => lab.uploads.length > 0);
    await lab.server.stop({ graceSeconds: 0 });
    await lab.core.close();
    await lab.startServer();
    await work;
    expect(lab.uploads).toHaveLength(2);
    expect(lab.core.getEntry(ENTRY_ID)!.spec.kernel.size).toBe(400_000_000);
  });

  it("is interrupted within 2 s while it waits for a server", async () => {
    const provider = lab.provider();
    const server = { socket: join(lab.folder, "nobody.sock") };
    const work = provider.create("boot_entry", { server, macs: [MAC], kernel: kernel.path });
    const failed = expect(work).rejects.toThrow("interrupted by SIGTERM");
    await until("the warning", () => provider.stderr.includes("trying again"));
    const start = Date.now();
    await provider.kill("SIGTERM");
    expect(await timeSince(start)).toBeLessThan(2_000);
    await failed;
  });

  it("is interrupted within 2 s in the middle of an upload", async () => {
    const path = join(lab.folder, "big");
    await fs.writeFile(path, "");
    await fs.truncate(path, 400_000_000);
    const provider = lab.provider();
    const work = provider.create("boot_entry", { server: { socket: lab.socket }, macs: [MAC], kernel: path });
    const failed = expect(work).rejects.toThrow("interrupted by SIGTERM");
    await until("an upload", () => lab.uploads.length > 0);
    const start = Date.now();
    await provider.kill("SIGTERM");
    expect(await timeSince(start)).toBeLessThan(2_000);
    await failed;
  });

  it("notices that a file changes while it is uploaded", async () => {
    const path = join(lab.folder, "big");
    await fs.writeFile(path, "");
    await fs.truncate(path, 400_000_000);
    const message = messageOf(apply({ kernel: path }));
    await until("an upload", () => lab.uploads.length > 0);
    await fs.appendFile(path, "more");
    expect(await message).toContain(
      `cannot upload the file ${path}: it changed while it was being read\nApply again when nothing writes to it any more.`,
    );
    expect(lab.core.listEntries()).toEqual([]);
  });

  it("says what changes of a machine that is installed do", async () => {
    await apply();
    const installer = await lab.boot();
    await installer.claim();
    expect((await apply()).log).toContain("is unchanged: the installer has begun");
    expect((await apply({ cmdline: "a" })).log).toContain(
      "warning: entry 52-54-00-12-34-56 has changed, but the installer has begun: that takes effect with a higher installGeneration than 1",
    );
    await installer.end("installed", "done", "");
    expect((await apply({ cmdline: "a" })).log).toMatch(/ is unchanged: the machine was installed on \d{4}-/);
    expect((await apply({ cmdline: "b" })).log).toMatch(
      /warning: entry 52-54-00-12-34-56 has changed, but the machine was installed on [^:]*:\d\d:\d\dZ: that takes effect with a higher installGeneration than 1/,
    );
    expect((await apply({ cmdline: "b", installGeneration: 2 })).log).toContain(
      "installs itself (generation 2)",
    );
    await expect(apply({ cmdline: "b" })).rejects.toThrow("installGeneration");
  });

  it("says that a failed install holds", async () => {
    await apply();
    const installer = await lab.boot();
    await installer.claim();
    await installer.end("failed", "partition", "no disk");
    expect((await apply()).log).toMatch(
      /warning: entry 52-54-00-12-34-56: the install failed on .* in the stage partition: no disk; nothing is installed until installGeneration is higher than 1/,
    );
    expect((await apply({ onInterrupted: "retry" })).log).toContain(
      "the next network boot installs it again",
    );
  });
});

describe("absent", () => {
  it("removes the entry, and is content when there is none", async () => {
    await apply();
    for (const log of ["removed the entry 52-54-00-12-34-56", ""]) {
      const outputs = await lab.apply("boot_entry", { macs: [MAC], ensure: "absent" });
      expect(outputs).toMatchObject({ entryId: ENTRY_ID, scriptUrl: null });
      expect(outputs.log).toContain(log);
    }
    expect(lab.core.listEntries()).toEqual([]);
  });
});

describe("errors", () => {
  it("name every bad input at once", async () => {
    const message = await messageOf(
      apply({
        server: { socket: lab.socket, address: "nowhere", caCertificateFile: "ca.crt" },
        macs: [MAC, "52:54:00"],
        kernel: null,
        cmdline: "${mac} && x\n",
        files: {
          "etc/motd": { contents: "a" },
          "/etc/../passwd": { contents: "a", secret: { value: SECRET } },
          "/etc/none": {},
        },
      }),
    );
    expect(message.split("\n").slice(1).toSorted()).toEqual([
      "  cmdline: must not contain ${, which iPXE replaces",
      "  cmdline: must not have &&, ||, ; or a # at the beginning of a word: iPXE ends a command there",
      "  files./etc/../passwd: must be an absolute path without empty parts, . and ..",
      "  files./etc/../passwd: must have exactly one of contents, secret",
      "  files./etc/none: must have exactly one of contents, secret",
      "  files.etc/motd: must be an absolute path without empty parts, . and ..",
      "  kernel: is required",
      "  macs[1]: must be a MAC address: six pairs of hexadecimal digits with colons or hyphens between them",
      "  server.address: must be a name or an IP address (IPv6 in brackets), a colon and a port",
      "  server.clientCertificateFile: is required with address",
      "  server.clientKey: is required with address",
      "  server.socket: must not be set together with address",
    ]);
  });

  it("name every bad value at once", async () => {
    const message = await messageOf(
      apply({
        name: "a/b",
        architecture: "riscv",
        installGeneration: 0,
        expireSeconds: 1,
        onInterupted: "x",
      }),
    );
    for (const path of ["name", "architecture", "installGeneration", "expireSeconds", "onInterupted"]) {
      expect(message).toMatch(new RegExp(`^  ${path}: `, "m"));
    }
  });

  it("say what is in a folder", async () => {
    const stored = join(lab.nixStore, "0123-linux");
    await lab.file("nix/store/0123-linux/bzImage", "a kernel");
    await lab.file("nix/store/0123-linux/System.map", "a map");
    expect(await messageOf(apply({ kernel: stored }))).toContain(
      `kernel: cannot use the file ${stored}: it is a folder, with System.map, bzImage in it\nGive the file, as ${stored}/bzImage.`,
    );
  });

  it("say what is wrong with a file", async () => {
    expect(await messageOf(apply({ initrd: [initrd.path, "/nowhere/initrd"] }))).toMatch(
      /initrd\[1\]: cannot use the file \/nowhere\/initrd: ENOENT/,
    );
    const { path } = await lab.file("empty", "");
    expect(await messageOf(apply({ initrd: path }))).toContain(
      `initrd: cannot use the file ${path}: it is empty`,
    );
  });

  it("tell that the service is not there", async () => {
    const socket = join(lab.folder, "other.sock");
    expect(await messageOf(apply({ server: { socket } }))).toMatch(
      /cannot .* at the boot service .*other\.sock: .*\n.*systemctl status nixops4-boot-server/s,
    );
  });

  it("tell of another entry's MAC address", async () => {
    await apply();
    expect(await messageOf(apply({ name: "other" }))).toContain("belongs to the entry 52-54-00-12-34-56");
  });
});

describe("mutual TLS", () => {
  it("takes the certificates of init-tls", async () => {
    const server = await lab.restartWithTls();
    expect(await apply({ server })).toMatchObject({ entryId: ENTRY_ID });
    expect(lab.core.listEntries()).toHaveLength(1);
  });

  it("refuses a key that others may read", async () => {
    const server = await lab.restartWithTls();
    await fs.chmod(server.clientKey.file, 0o640);
    const message = await messageOf(apply({ server }));
    expect(message).toContain(`others may read the file ${server.clientKey.file} (owner: uid `);
    expect(message).toContain("mode: 0640)");
    expect(lab.core.listEntries()).toEqual([]);
  });

  it("names a file that cannot be used, and never the key", async () => {
    const server = await lab.restartWithTls();
    const key = await fs.readFile(server.clientKey.file, "utf8");
    expect(await messageOf(apply({ server: { ...server, caCertificateFile: "/nowhere" } }))).toContain(
      "server.caCertificateFile: cannot read the file /nowhere: ENOENT",
    );
    const message = await messageOf(
      apply({ server: { ...server, caCertificateFile: server.clientKey.file } }),
    );
    expect(message).toContain("caCertificate: not a certificate in PEM format");
    for (const line of key.split("\n").filter((text) => /^[\w+/=]{8,}$/.test(text))) {
      expect(lab.output + message).not.toContain(line);
    }
  });
});
