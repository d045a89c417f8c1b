import * as fs from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { BUSY, KEPT, OtherUserLab, type SwapOptions, swapAll } from "@nixops4-providers/test-servers";
import { builtProvider, ProviderProcess } from "../harness/index.ts";

// Tests the built executables as root, with paths in a folder of another user who keeps replacing its contents.

const suite = process.geteuid?.() === 0 ? describe : describe.skip;
const TRIES = 1_000;
/** A new process is started after this many tries, since a process has a different timing at its start. */
const TRIES_A_PROCESS = 100;
const STOCK = 400;
const HANGS_AFTER_MS = 10_000 * BUSY;
const TIMEOUT_MS = 600_000;

suite("providers in a folder of another user (root only)", () => {
  const lab = new OtherUserLab();
  let outcomes: { successes: number; output: string; log: string };

  beforeEach(async () => {
    await lab.start();
    await lab.stock(STOCK);
    outcomes = { successes: 0, output: "", log: "" };
  });
  afterEach(() => lab.stop());

  /** Sends the requests in turns, and checks that no file of the victim was changed or read. */
  async function race(
    name: "local" | "pxe-nbp" | "ssh-keypair",
    swaps: SwapOptions,
    requests: readonly ((provider: ProviderProcess) => Promise<object>)[],
  ): Promise<void> {
    const before = await lab.victimState();
    const read = await lab.besides(swapAll(swaps), async () => {
      for (let i = 0; i < TRIES; i += TRIES_A_PROCESS) {
        const provider = new ProviderProcess(builtProvider(name), { onStderr: () => {} });
        for (let j = i; j < i + TRIES_A_PROCESS; j++) {
          await untilAnswered(provider, requests[j % requests.length]!(provider));
        }
        outcomes.log += provider.stderr;
        await provider.close();
      }
    });
    expect(read).toBe("ready\n");
    expect(await lab.victimState()).toBe(before);
    expect(outcomes.successes).toBeGreaterThan(0);
    expect(outcomes.log + outcomes.output).not.toContain(KEPT);
    expect(outcomes.log).not.toContain(swaps.secret);
  }

  async function untilAnswered(provider: ProviderProcess, request: Promise<object>): Promise<void> {
    const hang = setTimeout(() => void provider.kill("SIGKILL"), HANGS_AFTER_MS);
    try {
      outcomes.output += JSON.stringify(await request);
      outcomes.successes++;
    } catch (error) {
      const { message } = error as Error;
      expect(message).not.toContain("was killed by");
      outcomes.output += message;
    } finally {
      clearTimeout(hang);
    }
  }

  it(
    `local.file writes nothing elsewhere and shows nothing of root's, in ${TRIES} tries`,
    async () => {
      const name = join(lab.folder, "file");
      const file = (inputs: object) => (provider: ProviderProcess) =>
        provider.create("file", { name, ...inputs });
      await race("local", { names: ["folder", "folder/file"], secret: "a secret" }, [
        file({ contents: "a secret", mode: "0600" }),
        file({ contents: "public", mode: "0644" }),
        file({ contents: "public", mode: "0604" }),
        file({ contents: "public", mode: "0644" }),
        file({ ensure: "absent" }),
      ]);
    },
    TIMEOUT_MS,
  );

  it(
    `pxe-nbp.tftp_entry writes nothing elsewhere and shows nothing of root's, in ${TRIES} tries`,
    async () => {
      const mac = "52:54:00:12:34:56";
      const files = ["pxelinux.cfg/01-52-54-00-12-34-56", "ipxe/01-52-54-00-12-34-56.ipxe"];
      for (const folder of ["pxelinux.cfg", "ipxe"]) await fs.mkdir(join(lab.victim, folder));
      const names = [
        "folder",
        "folder/pxelinux.cfg",
        "folder/ipxe",
        ...files.map((file) => `folder/${file}`),
      ];
      const entry = (inputs: object) => (provider: ProviderProcess) =>
        provider.create("tftp_entry", { root: lab.folder, macs: [mac], kernel: "linux", ...inputs });
      await race("pxe-nbp", { names, secret: "nothing is secret", isOwnFile: true }, [
        entry({}),
        entry({ overwrite: true }),
        entry({ overwrite: true, mode: "0640", kernel: "other" }),
        entry({ mode: "0604" }),
        entry({ overwrite: true, ensure: "absent" }),
      ]);
    },
    TIMEOUT_MS,
  );

  it(
    `ssh-keypair.keypair gives away no key and writes nothing elsewhere, in ${TRIES} tries`,
    async () => {
      const create = (path: string, inputs: object) => (provider: ProviderProcess) =>
        provider.create("keypair", { privateKeyFile: path, ...inputs }, true);
      const provider = new ProviderProcess(builtProvider("ssh-keypair"));
      const victim = await create(join(lab.victim, "key"), {})(provider);
      await provider.close();
      const [path, deeper] = [join(lab.folder, "key"), join(lab.folder, "made", "key")];
      const names = ["folder", "folder/key", "folder/made", "folder/made/key"];
      await race("ssh-keypair", { names, secret: "PRIVATE KEY", isOwnFile: true }, [
        create(path, {}),
        create(path, { comment: "another" }),
        create(deeper, {}),
        async (process) => {
          const previousInputs = { privateKeyFile: path };
          const previousOutputs = await create(path, {})(process);
          const inputs = { privateKeyFile: deeper };
          return process.update("keypair", { inputs, previousInputs, previousOutputs });
        },
      ]);
      expect(outcomes.output).not.toContain(victim["fingerprint"]);
    },
    TIMEOUT_MS,
  );
});
