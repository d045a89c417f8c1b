import { execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import {
  chmod,
  chown,
  copyFile,
  lchown,
  link,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { downloadByTftp, tftpReadRequest, timeSince } from "@nixops4-providers/test-servers";
import { Ajv } from "ajv";
import { assetOf, chunks, MAC, spec } from "./grpc-lab.ts";
import { SERVER, ServiceLab } from "./service-lab.ts";

const MIB = 2 ** 20;
const MACHINE_PATH = `/machines/${MAC.replaceAll(":", "-")}`;

let lab: ServiceLab;

beforeEach(async () => {
  lab = await ServiceLab.create();
});
afterEach(async () => {
  await lab.end();
});

describe("the command line", () => {
  it("explains itself", () => {
    const { status, stdout } = server("--help");
    expect(status).toBe(0);
    for (const word of [
      "serve",
      "check-config",
      "config-schema",
      "init-tls",
      "--tftp-port",
      "--grpc-socket",
    ]) {
      expect(stdout).toContain(word);
    }
    expect(server("--version").stdout).toMatch(/^nixops4-boot-server \d+\.\d+\.\d+\n$/);
  });

  it.each([
    [["--bogus"], "--bogus"],
    [["frobnicate"], "frobnicate"],
    [["constructor"], "constructor"],
    [["serve", "extra"], "extra"],
    [["serve", "--tftp-port"], "tftp-port"],
    [["init-tls"], "--folder"],
  ])("exits 2 on bad usage: %j", (args, named) => {
    const { status, stdout, stderr } = server(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain(named);
    expect(stderr).toContain("--help");
    expect(stderr).not.toContain("    at ");
  });

  it("lists all that is wrong with a configuration", async () => {
    const path = join(lab.folder, "config.json");
    await writeFile(path, JSON.stringify({ tftp: { prot: 1, port: -1 }, limits: { maxEntries: "many" } }));
    const { status, stderr } = server("serve", "--config", path, "--http-port", "x");
    expect(status).toBe(1);
    for (const named of [
      path,
      "tftp.prot: unknown",
      "tftp.port: must",
      "limits.maxEntries: must",
      "http.port: must",
    ]) {
      expect(stderr).toContain(named);
    }
    expect(server("check-config", "--nbps", "x.efi=/does/not/exist").stderr).toContain("nbps.x.efi: ENOENT");
    await writeFile(path, "{");
    expect(server("serve", "--config", path).stderr).toContain(`cannot read the configuration ${path}`);
  });

  it("prints a schema that its own defaults keep to", () => {
    const schema = JSON.parse(server("config-schema").stdout) as object;
    const defaults: unknown = JSON.parse(server("check-config", "--store", "/srv/boot").stdout);
    const ajv = new Ajv({ strict: false, formats: { ip: true } });
    expect(ajv.validate(schema, defaults)).toBe(true);
    expect(defaults).toMatchObject({ store: "/srv/boot", http: { port: 8080 } });
  });

  it("makes certificates with which it serves the API over TCP", async () => {
    const tls = join(lab.folder, "tls");
    const { status, stdout } = server(
      "init-tls",
      "--folder",
      tls,
      "--host",
      "localhost",
      "--host",
      "127.0.0.1",
    );
    expect(status).toBe(0);
    expect(stdout).toContain("server.key");
    const file = (name: string) => join(tls, name);
    const tcp = { address: "127.0.0.1", port: 0, caCertificateFile: file("ca.crt") };
    const config = {
      grpc: { tcp: { ...tcp, certificateFile: file("server.crt"), keyFile: file("server.key") } },
    };
    await writeFile(join(lab.folder, "config.json"), JSON.stringify(config));
    await chmod(file("server.key"), 0o640);
    const refused = server("serve", ...lab.flags, "--config", join(lab.folder, "config.json"));
    expect(refused.stderr).toContain("server.key (owner: uid");
    await chmod(file("server.key"), 0o600);
    await lab.start(["--config", join(lab.folder, "config.json")]);
    const args = [
      "s_client",
      "-connect",
      `127.0.0.1:${lab.port("grpc")}`,
      "-CAfile",
      file("ca.crt"),
      "-alpn",
      "h2",
    ];
    const client = ["-cert", file("client.crt"), "-key", file("client.key"), "-verify_return_error"];
    expect(execFileSync("openssl", [...args, ...client], { input: "", encoding: "utf8" })).toContain(
      "Verify return code: 0 (ok)",
    );
  });
});

describe("a whole boot", () => {
  it("by TFTP and HTTP, once, and remembered after a restart", async () => {
    const nbp = join(lab.folder, "undionly.kpxe");
    const [program, kernel, initrd] = [randomBytes(70_001), randomBytes(5 * MIB), randomBytes(3 * MIB + 1)];
    await writeFile(nbp, program);
    await lab.start(["--nbps", `undionly.kpxe=${nbp}`]);
    const client = lab.connect();
    await client.uploadAsset(assetOf(kernel), chunks(kernel));
    await client.uploadAsset(assetOf(initrd), chunks(initrd));
    const file = { path: "/etc/secret", contents: Buffer.from("hunter2"), mode: 0o600, secret: true };
    const assets = { kernel: assetOf(kernel), initrds: [assetOf(initrd)] };
    const { entry } = await client.putEntry(spec({ ...assets, files: [file] }));
    expect(entry?.scriptUrl).toBe(`${lab.url}${MACHINE_PATH}/boot.ipxe`);

    for (const name of ["undionly.kpxe", "/undionly.kpxe", "\\UNDIONLY.KPXE"]) {
      const { data } = await downloadByTftp(lab.port("tftp"), name, { blksize: 1432, tsize: 0 });
      expect(data.equals(program)).toBe(true);
    }
    expect((await get("/nbp/undionly.kpxe")).equals(program)).toBe(true);
    await writeFile(nbp, program.subarray(1));
    expect((await downloadByTftp(lab.port("tftp"), "undionly.kpxe")).data.equals(program.subarray(1))).toBe(
      true,
    );
    for (const name of ["../store/journal.json", "nothing", "/", "undionly.kpxe/"]) {
      await expect(downloadByTftp(lab.port("tftp"), name)).rejects.toMatchObject({ code: 1 });
    }

    const generic = (await downloadByTftp(lab.port("tftp"), "boot.ipxe")).data.toString();
    expect(generic).toContain(`${lab.url}/machines/\${netX/mac:hexhyp}/boot.ipxe`);
    expect((await downloadByTftp(lab.port("tftp"), "autoexec.ipxe")).data.toString()).toBe(generic);
    expect((await get("/boot.ipxe")).toString()).toBe(generic);
    const script = (await get(`${MACHINE_PATH}/boot.ipxe?firmware=pcbios&architecture=x86_64`)).toString();
    expect((await get(`${MACHINE_PATH}/kernel`)).equals(kernel)).toBe(true);
    expect((await get(`${MACHINE_PATH}/initrd/0`)).subarray(0, initrd.length).equals(initrd)).toBe(true);
    const overlay = await get(/\/boots\/\S+/.exec(script)![0]);
    const unpacked = join(lab.folder, "overlay");
    await mkdir(unpacked);
    execFileSync("cpio", ["-idm", "--quiet", "--no-absolute-filenames"], { cwd: unpacked, input: overlay });
    expect(await readFile(join(unpacked, "etc/secret"), "utf8")).toBe("hunter2");

    await lab.stop();
    expect(lab.log.at(-1)).toMatchObject({ message: "stopped" });
    expect(JSON.stringify(lab.log)).not.toContain("hunter2");
    await lab.start(["--nbps", `undionly.kpxe=${nbp}`]);

    const token = (await readFile(join(unpacked, "nixops4/token"), "utf8")).trim();
    const job = new URL((await readFile(join(unpacked, "nixops4/job-url"), "utf8")).trim()).pathname;
    const bootId = "0b9b29b5-5a7c-4a44-bd53-b5e9d0a1c7d2";
    await post(`${job}/claim`, token, { bootId });
    await post(`${job}/report`, token, { bootId, stage: "done", outcome: "installed" });
    const again = (await get(`${MACHINE_PATH}/boot.ipxe?firmware=pcbios&architecture=x86_64`)).toString();
    expect(again).toContain("sanboot");
    expect(again).not.toContain("kernel ");
    expect(await lab.connect().getEntry("web")).toMatchObject({ phase: "INSTALLED" });
    expect(JSON.parse((await get("/status.json")).toString())).toMatchObject({ machines: [{ mac: MAC }] });
    const metrics = parseMetrics((await get("/metrics")).toString());
    expect(metrics.get('nixops4_boot_entries{phase="installed"}')).toBe(1);
    expect(metrics.get('nixops4_boot_events_total{kind="claimed"}')).toBe(1);
    expect(JSON.stringify(lab.log)).not.toContain(token);
  }, 240_000);

  it("counts what it does, for Prometheus", async () => {
    const nbp = join(lab.folder, "x.efi");
    await writeFile(nbp, randomBytes(10_000));
    await lab.start(["--nbps", `x.efi=${nbp}`]);
    await downloadByTftp(lab.port("tftp"), "x.efi");
    await expect(downloadByTftp(lab.port("tftp"), "y.efi")).rejects.toThrow();
    await get("/healthz");
    while (!(await get("/metrics")).toString().includes("nixops4_boot_tftp_transfers 0\n")) await sleep(20);
    const metrics = parseMetrics((await get("/metrics")).toString());
    expect(Object.fromEntries(metrics)).toMatchObject({
      nixops4_boot_tftp_transfers: 0,
      nixops4_boot_tftp_requests_total: 2,
      nixops4_boot_tftp_finished_total: 1,
      nixops4_boot_tftp_failed_total: 1,
      'nixops4_boot_entries{phase="armed"}': 0,
    });
    expect(metrics.get("process_resident_memory_bytes")).toBeGreaterThan(10 * MIB);
    expect(metrics.get('nixops4_boot_http_requests_total{status="200"}')).toBeGreaterThanOrEqual(1);
    expect(metrics.get("nixops4_boot_http_sent_bytes_total")).toBeGreaterThan(0);
    // Larger than the file if packets were repeated, because the machine was busy.
    expect(metrics.get("nixops4_boot_tftp_sent_bytes_total")).toBeGreaterThanOrEqual(10_000);
  });
});

describe("stopping", () => {
  // Larger than the buffers of the kernel.
  const size = 30 * MIB;
  let content: Buffer;

  beforeEach(async () => {
    content = randomBytes(size);
    await writeFile(join(lab.folder, "big"), content);
    await lab.start(["--nbps", `big=${join(lab.folder, "big")}`]);
  });

  /** Starts a download that takes `seconds`. */
  async function slowDownload(seconds: number) {
    const target = join(lab.folder, "fetched");
    const curl = spawn("curl", [
      "-s",
      "--limit-rate",
      String(Math.round(size / seconds)),
      "-o",
      target,
      `${lab.url}/nbp/big`,
    ]);
    const done = new Promise<number | null>((resolve) => curl.on("close", resolve));
    while (((await stat(target).catch(() => undefined))?.size ?? 0) === 0) await sleep(20);
    return { done, target };
  }

  it("lets a download finish, and takes nothing new", async () => {
    const { done, target } = await slowDownload(2);
    const stopped = lab.stop();
    await lab.logged("stopping");
    await sleep(100);
    expect(spawnSync("curl", ["-s", `${lab.url}/healthz`]).status).toBe(7);
    expect(await done).toBe(0);
    expect((await readFile(target)).equals(content)).toBe(true);
    expect(await stopped).toBe(0);
    expect(existsSync(lab.socket)).toBe(false);
  });

  it("ends at once with a second signal", async () => {
    const { done } = await slowDownload(2);
    const stopped = lab.stop();
    await lab.logged("stopping");
    lab.process.kill("SIGTERM");
    expect(await stopped).toBe(143);
    expect(await done).not.toBe(0);
  });

  it("cuts off what takes too long", async () => {
    await lab.stop();
    await lab.start(["--nbps", `big=${join(lab.folder, "big")}`, "--grace-seconds", "0.3"]);
    const { done } = await slowDownload(20);
    const started = Date.now();
    expect(await lab.stop()).toBe(0);
    expect(await timeSince(started)).toBeLessThan(1500);
    expect(await done).not.toBe(0);
  });
});

describe("what keeps it from starting", () => {
  it("is another server on its store", async () => {
    await lab.start();
    const { status, stderr } = server("serve", ...lab.flags, "--grpc-socket", join(lab.folder, "other.sock"));
    expect(status).toBe(1);
    expect(stderr).toContain(
      `cannot use the store ${join(lab.folder, "store")}: another boot server is using it`,
    );
    expect(stderr).toContain("Stop the other boot server");
  });

  it("is a damaged store, which is left as it is", async () => {
    await lab.start();
    await lab.connect().uploadAsset(assetOf(Buffer.from("a kernel")), chunks(Buffer.from("a kernel")));
    await lab.connect().putEntry(spec());
    await lab.connect().putEntry(spec({ cmdline: "changed" }));
    await lab.stop();
    const journal = join(lab.folder, "store", "journal.json");
    const text = await readFile(journal, "utf8");
    const damaged = text.replace("armed", "a\0med").replace("console=ttyS0", 'con"ole');
    expect(damaged).not.toBe(text);
    await writeFile(journal, damaged);
    const { status, stderr } = server("serve", ...lab.flags);
    expect(status).toBe(1);
    expect(stderr).toContain(`${journal} is damaged`);
    expect(stderr).toContain("Restore the file from a backup");
    expect(stderr).not.toContain("    at ");
    expect(await readFile(journal, "utf8")).toBe(damaged);
  });

  it.each(["http", "tftp"] as const)("is a port for %s in use", async (part) => {
    const port = await occupied(part);
    const { status, stderr } = server("serve", ...lab.flags, `--${part}-port`, String(port.number));
    port.close();
    expect(status).toBe(1);
    expect(stderr).toContain(`cannot start ${part.toUpperCase()} on 127.0.0.1 port ${port.number}`);
    expect(stderr).toContain(`change \`${part}.port\``);
    // The failed server released everything, so the next one can start.
    await lab.start();
  });

  it("is a socket in use", async () => {
    await lab.start();
    const { status, stderr } = server("serve", ...lab.flags, "--store", join(lab.folder, "other"));
    expect(status).toBe(1);
    expect(stderr).toContain(`cannot start the API on ${lab.socket}`);
  });
});

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot("started as root (needs root)", () => {
  it("switches to another user, without capabilities, and keeps its store", async () => {
    execFileSync("chmod", ["755", lab.folder]);
    // Files of an earlier run as root.
    await lab.start();
    await lab.connect().uploadAsset(assetOf(Buffer.from("a kernel")), chunks(Buffer.from("a kernel")));
    await lab.connect().putEntry(spec());
    await lab.stop();

    await lab.start(["--user", "nobody", "--group", "nogroup", "--tftp-port", "0"]);
    expect(await lab.status("Uid")).toBe(Array(4).fill("65534").join("\t"));
    expect(await lab.status("Gid")).toBe(Array(4).fill("65534").join("\t"));
    expect((await lab.status("Groups")).trim()).toBe("65534");
    for (const set of ["CapEff", "CapPrm", "CapAmb"]) expect(Number(await lab.status(set))).toBe(0);
    for (const name of await readdir(join(lab.folder, "store"))) {
      expect((await stat(join(lab.folder, "store", name))).uid).toBe(65534);
    }
    const client = lab.connect();
    const changed = spec({ kernel: assetOf(Buffer.from("another")), installGeneration: 2 });
    await client.uploadAsset(changed.kernel!, chunks(Buffer.from("another")));
    await client.putEntry(changed);
    await get(`${MACHINE_PATH}/boot.ipxe?firmware=efi&architecture=x86_64`);
    expect((await get(`${MACHINE_PATH}/kernel`)).toString()).toBe("another");
  });

  it("binds ports below 1024 before it switches to another user", async () => {
    execFileSync("chmod", ["755", lab.folder]);
    const script = `ip link set lo up; exec "$@"`;
    const flags = [...lab.flags, "--user", "nobody", "--tftp-port", "69", "--http-port", "80"];
    lab.spawn("unshare", ["--net", "sh", "-c", script, "sh", SERVER, "serve", ...flags]);
    await lab.logged("ready");
    expect(await lab.status("Uid")).toBe(Array(4).fill("65534").join("\t"));
    const inside = (...args: string[]) =>
      promisify(execFile)("nsenter", [`--net=/proc/${lab.process.pid}/ns/net`, "curl", "-sS", ...args]);
    for (const url of ["http://127.0.0.1/boot.ipxe", "tftp://127.0.0.1/boot.ipxe"]) {
      expect((await inside(url)).stdout).toContain("#!ipxe");
    }
    expect(await lab.connect().listEntries()).toMatchObject({ entries: [] });
    const socket = await stat(lab.socket);
    expect([socket.uid, socket.mode & 0o777]).toEqual([65534, 0o660]);
  });

  it.each(["assets", "overlays", "hardware", "installs.json", "journal.json", "lock"])(
    "does not touch as root what that user has put in the place of %s",
    async (name) => {
      execFileSync("chmod", ["755", lab.folder]);
      const victim = join(lab.folder, "victim");
      await mkdir(victim);
      await writeFile(join(victim, ".upload-1"), "root's", { mode: 0o600 });
      const before = execFileSync("stat", ["-c", "%n %u %a %s %Z", victim, join(victim, ".upload-1")]);
      const user = ["--user", "nobody", "--group", "nogroup"];
      await lab.start(user);
      await lab.stop();
      const planted = join(lab.folder, "store", name);
      await rm(planted, { recursive: true });
      await symlink(name.includes(".") || name === "lock" ? join(victim, ".upload-1") : victim, planted);
      await lchown(planted, 65534, 65534);
      lab.spawn(SERVER, ["serve", ...lab.flags, ...user]);
      await Promise.race([lab.logged("ready"), lab.exited()]);
      expect(execFileSync("stat", ["-c", "%n %u %a %s %Z", victim, join(victim, ".upload-1")])).toEqual(
        before,
      );
    },
  );

  it("says what to do with a file that root has put back", async () => {
    execFileSync("chmod", ["755", lab.folder]);
    await lab.start(["--user", "nobody"]);
    await lab.stop();
    await chown(join(lab.folder, "store", "installs.json"), 0, 0);
    const { status, stderr } = server("serve", ...lab.flags, "--user", "nobody");
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/installs.json.*EACCES/) });
    expect(stderr).toContain("chown(1)");
  });

  it("changes the owner of a store created by root, and follows no link in it", async () => {
    execFileSync("chmod", ["755", lab.folder]);
    await lab.start();
    await lab.stop();
    const [store, victim] = [join(lab.folder, "store"), join(lab.folder, "victim")];
    await writeFile(victim, "root's", { mode: 0o600 });
    await symlink(victim, join(store, "link"));
    await lab.start(["--user", "nobody"]);
    await lab.stop();
    expect((await stat(victim)).uid).toBe(0);
    await chown(store, 0, 0);
    await link(victim, join(store, "second-name"));
    const { status, stderr } = server("serve", ...lab.flags, "--user", "nobody");
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining("has several hard links"),
    });
    expect((await stat(victim)).uid).toBe(0);
  });

  it("gives no store away that another user could have put there", async () => {
    execFileSync("chmod", ["755", lab.folder]);
    await lab.start();
    await lab.stop();
    await chown(lab.folder, 65534, 65534);
    const { status, stderr } = server("serve", ...lab.flags, "--user", "nobody");
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining("(uid 65534)") });
    expect((await stat(join(lab.folder, "store"))).uid).toBe(0);
  });

  it("does not use a store, or make a socket, as root where another user could have it done elsewhere", async () => {
    const foreign = join(lab.folder, "foreign");
    await mkdir(foreign);
    await chown(foreign, 65534, 65534);
    const refusals = {
      store: `cannot use the store ${join(foreign, "there")} as root`,
      "grpc-socket": `cannot create a socket in ${foreign}`,
    };
    for (const [flag, message] of Object.entries(refusals)) {
      const { status, stderr } = server("serve", ...lab.flags, `--${flag}`, join(foreign, "there"));
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(message) });
      expect(stderr).toContain("belongs to another user (uid 65534): others could change what is in it");
    }
    expect(await readdir(foreign)).toEqual([]);
  });

  it("says that there is no such user", () => {
    const { status, stderr } = server("serve", ...lab.flags, "--user", "no-such-user");
    expect(status).toBe(1);
    expect(stderr).toContain("there is no user no-such-user");
  });

  suite("setpriv")("without root", () => {
    it("says what a port below 1024 needs", async () => {
      execFileSync("chmod", ["777", lab.folder]);
      // A copy that an unprivileged user can read, wherever the repository is.
      const copy = join(lab.folder, "server");
      await copyFile(SERVER, copy);
      const asNobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all"];
      const inNamespace = ["--net", "sh", "-c", `ip link set lo up; exec setpriv "$@"`, "sh"];
      const args = [
        ...inNamespace,
        ...asNobody,
        process.execPath,
        copy,
        "serve",
        ...lab.flags,
        "--tftp-port",
        "69",
      ];
      const { stderr } = spawnSync("unshare", args, { encoding: "utf8", env: { ...process.env, HOME: "/" } });
      expect(stderr).toContain("cannot start TFTP on 127.0.0.1 port 69");
      expect(stderr).toContain("CAP_NET_BIND_SERVICE");
    });
  });
});

/** Waits until a port is open. Does not connect, because systemd would start the service at the first connection. */
async function bound(protocol: "udp6" | "tcp", port: number): Promise<void> {
  const entry = new RegExp(`: [0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, "0")} `);
  while (!entry.test(await readFile(`/proc/net/${protocol}`, "utf8"))) await sleep(20);
}

describe("systemd", () => {
  suite("systemd-socket-activate")("sockets that it hands over", () => {
    it("serves TFTP on one, IPv6 and IPv4", async () => {
      const nbp = join(lab.folder, "x.efi");
      await writeFile(nbp, randomBytes(5000));
      const port = await freeUdpPort();
      const activate = ["--datagram", "--fdname=tftp", "-l", `[::]:${port}`, SERVER, "serve", ...lab.flags];
      lab.spawn("systemd-socket-activate", [...activate, "--nbps", `x.efi=${nbp}`]);
      await bound("udp6", port);
      expect((await downloadByTftp(port, "x.efi")).data.equals(await readFile(nbp))).toBe(true);
      expect(lab.port("tftp")).toBe(port);
      const { data } = await downloadByTftp(port, "boot.ipxe");
      expect(data.toString()).toContain(lab.url);
      expect(await lab.stop()).toBe(0);
    });

    it("serves HTTP and the API on others", async () => {
      const port = await freeTcpPort();
      const listen = ["-l", `127.0.0.1:${port}`, "-l", join(lab.folder, "handed.sock")];
      lab.spawn("systemd-socket-activate", ["--fdname=http:grpc", ...listen, SERVER, "serve", ...lab.flags]);
      await bound("tcp", port);
      const { stdout } = await promisify(execFile)("curl", ["-s", `http://127.0.0.1:${port}/healthz`]);
      expect(stdout).toBe("ok\n");
      await lab.logged("ready");
      expect(lab.port("http")).toBe(port);
      expect(existsSync(lab.socket)).toBe(false);
      expect(await lab.stop()).toBe(0);
    });
  });

  suite("systemd-notify", "python3")("is told", () => {
    it("that the server is ready, and that it stops", async () => {
      const path = join(lab.folder, "notify");
      const receiver = spawn("python3", ["-c", NOTIFY_RECEIVER, path], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let received = "";
      receiver.stdout.on("data", (data: Buffer) => (received += data.toString()));
      try {
        while (!existsSync(path)) await sleep(10);
        lab.spawn(SERVER, ["serve", ...lab.flags], { NOTIFY_SOCKET: path });
        await lab.logged("ready");
        expect(received).toContain("READY=1");
        expect(received).not.toContain("STOPPING=1");
        expect(await lab.stop()).toBe(0);
        expect(received).toContain("STOPPING=1");
        expect(lab.log.filter(({ message }) => message.startsWith("cannot tell"))).toEqual([]);
      } finally {
        receiver.kill();
      }
    });
  });

  suite("systemd-analyze")("verifies the example units", () => {
    it("without a complaint but that the program is not installed", async () => {
      const folder = join(import.meta.dirname, "..");
      for (const name of ["nixops4-boot-server.service", "nixops4-boot-server.socket"]) {
        const unit = await readFile(join(folder, name), "utf8");
        await writeFile(join(lab.folder, name), unit.replace("/usr/local/bin/nixops4-boot-server", SERVER));
      }
      const units = ["service", "socket"].map((kind) => join(lab.folder, `nixops4-boot-server.${kind}`));
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", ...units], { encoding: "utf8" });
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    });
  });
});

describe("many clients that never go on", () => {
  it("do not exhaust it: 10,000 TFTP requests, 2,000 open HTTP requests", async () => {
    const nbp = join(lab.folder, "x.efi");
    await writeFile(nbp, "");
    await truncate(nbp, 8 * MIB);
    await lab.start(["--nbps", `x.efi=${nbp}`]);
    await downloadByTftp(lab.port("tftp"), "x.efi", { blksize: 1432, windowsize: 16 });
    await get("/metrics");
    const before = await residentMib();

    const sockets: Socket[] = [];
    for (let count = 0; count < 2000; count++) {
      const socket = connect(lab.port("http"), "127.0.0.1").on("error", () => {});
      socket.write("GET /boot.ipxe HTTP/1.1\r\nHost: x\r\nX-Endless: ");
      sockets.push(socket);
    }
    const crowd = Array.from({ length: 100 }, () => createSocket("udp4"));
    for (let round = 0; round < 100; round++) {
      const request = tftpReadRequest("x.efi", { windowsize: 64, round });
      for (const peer of crowd) peer.send(request, lab.port("tftp"), "127.0.0.1");
      await sleep(5);
    }
    const during = await residentMib();
    expect(during - before).toBeLessThan(100);
    expect(during).toBeLessThan(250);
    for (const socket of sockets) socket.destroy();
    await sleep(1200);
    expect(
      (await downloadByTftp(lab.port("tftp"), "x.efi", { blksize: 1432, windowsize: 16 })).data.length,
    ).toBe(8 * MIB);
    const metrics = parseMetrics((await get("/metrics")).toString());
    expect(metrics.get("nixops4_boot_tftp_requests_total")).toBeGreaterThan(500);
    for (const peer of crowd) peer.close();
  }, 240_000);
});

/** Prints each datagram, and closes the descriptors in it, which `systemd-notify` waits for. */
const NOTIFY_RECEIVER = `
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
while True:
    data, ancillary, _, _ = s.recvmsg(4096, 256)
    print(data.decode(), flush=True)
    for level, kind, content in ancillary:
        if kind == socket.SCM_RIGHTS:
            for fd in array.array("i", content):
                os.close(fd)
`;

function suite(...programs: string[]): (name: string, tests: () => void) => void {
  const folders = (process.env["PATH"] ?? "").split(":");
  const missing = programs.filter((program) => !folders.some((folder) => existsSync(join(folder, program))));
  if (missing.length === 0) return describe;
  return (name, tests) => describe.skip(`${name} (not installed: ${missing.join(", ")})`, tests);
}

function server(...args: string[]) {
  return spawnSync(SERVER, args, { encoding: "utf8", timeout: 100_000 });
}

async function get(path: string): Promise<Buffer> {
  const args = ["-sS", "--fail-with-body", `${lab.url}${path}`];
  const { stdout } = await promisify(execFile)("curl", args, { encoding: "buffer", maxBuffer: 64 * MIB });
  return stdout;
}

async function post(path: string, token: string, body: object): Promise<void> {
  const headers = ["-H", `Authorization: Bearer ${token}`, "-H", "Content-Type: application/json"];
  const args = ["-sS", "--fail-with-body", ...headers, "-d", JSON.stringify(body), `${lab.url}${path}`];
  await promisify(execFile)("curl", args);
}

/** Parses the text format of Prometheus strictly. */
function parseMetrics(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || /^# (HELP|TYPE) [a-z_]\w* ./.test(line)) continue;
    const sample = /^([a-z_]\w*(?:\{(?:\w+="[^"]*",?)+\})?) (-?[\d.e+-]+|NaN|\+Inf)$/.exec(line);
    if (sample === null) throw new Error(`not a sample: ${line}`);
    samples.set(sample[1]!, Number(sample[2]));
  }
  return samples;
}

async function residentMib(): Promise<number> {
  return Number.parseInt(await lab.status("VmRSS"), 10) / 1024;
}

async function occupied(part: "http" | "tftp"): Promise<{ number: number; close: () => void }> {
  if (part === "tftp") {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return { number: socket.address().port, close: () => socket.close() };
  }
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  return { number: (listener.address() as AddressInfo).port, close: () => listener.close() };
}

async function freeUdpPort(): Promise<number> {
  const { number, close } = await occupied("tftp");
  close();
  return number;
}

async function freeTcpPort(): Promise<number> {
  const { number, close } = await occupied("http");
  close();
  return number;
}
