import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "@jest/globals";
import { BoundKeys, HostKeyLab, type LabOptions } from "./host-key-lab.ts";
import { describeWithSshd, start } from "./lab.ts";
import { RemoteBreakpoints } from "./remote-breakpoints.ts";

/** The number of calls in a rotation that can be stopped; checked by the first test. */
const CALLS = 28;

const isRoot = process.getuid?.() === 0;

const ALL_CALLS = Array.from({ length: CALLS }, (_, index) => index + 1);

describeWithSshd("ssh.host_key that is killed", () => {
  let breakpoints: RemoteBreakpoints;
  let host: HostKeyLab;
  beforeAll(() => void (breakpoints = new RemoteBreakpoints()));
  afterAll(() => breakpoints.remove());
  beforeEach(async () => {
    breakpoints.stopAt(0);
    host = await startHost({ keysInMemory: true });
  });
  afterEach(() => host.stop());

  const startHost = (options: LabOptions) => HostKeyLab.start({ ...options, extraPath: breakpoints.folder });

  /** Runs a provider until this call on the host, then kills it. */
  async function killAt(call: number): Promise<void> {
    breakpoints.stopAt(call);
    const provider = start();
    const request = provider.create("host_key", host.inputs(), true);
    const died = expect(request).rejects.toThrow();
    await breakpoints.stopped();
    await provider.kill("SIGKILL");
    await died;
  }

  /** Expects that the next run, which only knows the temporary key, ends with the key that the first run made. */
  async function expectConverged(): Promise<void> {
    const made = ["host.new", "host"].map((name) => host.tryKeyIn(name));
    const begun = made.find((key) => key !== undefined && key !== host.temporaryKey);
    expect([host.temporaryKey, begun]).toContain(host.presented());
    breakpoints.stopAt(0);
    const { outputs, error } = await host.create();
    expect(error).toBeUndefined();
    const key = host.presented();
    expect(outputs["hostPublicKey"]).toBe(key);
    expect(key).toBe(begun ?? key);
    expect(key).not.toBe(host.temporaryKey);
    expect(host.keyIn("host")).toBe(key);
    expect(host.publicFile("host")).toBe(key);
    expect(host.files()).toEqual({
      host: "600",
      "host.pub": "644",
      ssh_host_key_rotations: "644",
      "ssh_host_key_rotations.lock": "600",
    });
  }

  it("makes the expected number of calls on the host", async () => {
    expect((await host.create()).error).toBeUndefined();
    const calls = breakpoints.calls();
    expect({ calls, count: calls.length }).toEqual({ calls, count: CALLS });
  });

  it.each(ALL_CALLS)("before call %d, and the host's script with it", async (call) => {
    await killAt(call);
    breakpoints.kill();
    await expectConverged();
  });

  it.each(ALL_CALLS.filter((call) => call % 3 === 0))(
    "before call %d, and the host's script runs on to its end",
    async (call) => {
      await host.stop();
      host = await startHost({ keysInMemory: false });
      await killAt(call);
      await breakpoints.goOnToEnd();
      await expectConverged();
    },
  );

  (isRoot ? it : it.skip)("around writes into key files that are mount points (needs root)", async () => {
    const names = ["host", "host.pub"];
    const around: number[] = [];
    let call: number | undefined = 0;
    do {
      await host.stop();
      host = await startHost({ keysInMemory: true });
      const bound = await BoundKeys.bind(host, names);
      try {
        if (call === 0) expect((await host.create()).error).toBeUndefined();
        else await killAt(call);
        // Before and after each write.
        if (call === 0) {
          const isWrite = (line: string | undefined) => line?.startsWith("dd ") === true;
          breakpoints.calls().forEach((line, index, all) => {
            if (isWrite(line) || isWrite(all[index - 1])) around.push(index + 1);
          });
          expect(around).toHaveLength(4);
        } else {
          breakpoints.kill();
          await expectConverged();
        }
        expect(bound.keyIn("host")).toBe(host.presented());
      } finally {
        bound.release();
      }
      breakpoints.stopAt(0);
      call = around.shift();
    } while (call !== undefined);
  });

  it("at random moments, again and again", async () => {
    for (let round = 0; round < 8; round++) {
      const provider = start();
      const request = provider.create("host_key", host.inputs(), true);
      const ended = request.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 1500));
      await provider.kill("SIGKILL");
      await ended;
    }
    const { outputs, error } = await host.create();
    expect(error).toBeUndefined();
    expect(host.presented()).toBe(outputs["hostPublicKey"]);
    expect(host.files()).toEqual({
      host: "600",
      "host.pub": "644",
      ssh_host_key_rotations: "644",
      "ssh_host_key_rotations.lock": "600",
    });
  });

  it("before its end, and run again for another key", async () => {
    await killAt(CALLS - 1);
    breakpoints.kill();
    breakpoints.stopAt(0);
    const first = host.presented();
    const changes = { keepers: { reason: "lost" } };
    const { outputs, error } = await host.create(changes);
    expect(error).toBeUndefined();
    expect([host.temporaryKey, first]).not.toContain(outputs["hostPublicKey"]);
    expect(host.presented()).toBe(outputs["hostPublicKey"]);
    // The statements lead from the temporary key to the first key, and from that to the second.
    expect((await host.create(changes)).outputs).toEqual(outputs);
  });
});
