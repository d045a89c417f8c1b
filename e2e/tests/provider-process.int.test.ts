import { describe, expect, it } from "@jest/globals";
import { builtProvider, createResource, ProviderProcess, runOperation } from "../harness/index.ts";

const local = builtProvider("local");

function shell(script: string): ProviderProcess {
  return new ProviderProcess("/bin/sh", { args: ["-c", script], onStderr: () => {} });
}

describe("with the local provider", () => {
  it("creates, updates and answers several requests in one process", async () => {
    await runOperation(local, async (provider) => {
      expect(await provider.create("memo", { initialize_with: 1 }, true)).toEqual({ value: 1 });
      const request = {
        inputs: { initialize_with: 2 },
        previousInputs: { initialize_with: 1 },
        previousOutputs: { value: 1 },
      };
      expect(await provider.update("memo", request)).toEqual({ value: 1 });
      expect(provider.pid).toBeGreaterThan(1);
    });
  });

  it("gets the answers to requests that were sent at once in their order", async () => {
    await runOperation(local, async (provider) => {
      const values = Array.from({ length: 20 }, (_, index) => index);
      const answers = values.map((value) => provider.create("memo", { initialize_with: value }, true));
      expect(await Promise.all(answers)).toEqual(values.map((value) => ({ value })));
    });
  });

  it("throws the message of an error response, and goes on", async () => {
    await runOperation(local, async (provider) => {
      await expect(provider.create("memo", { initialize_with: 1 })).rejects.toThrow(
        "memo resources require state",
      );
      expect(await provider.request({ nonsense: {} })).toMatchObject({ errorResponse: {} });
      expect(await provider.request("{")).toMatchObject({ errorResponse: {} });
      expect(await provider.create("memo", { initialize_with: 1 }, true)).toEqual({ value: 1 });
    });
  });

  it("carries texts with line separators and many bytes", async () => {
    const value = `\u2028é\n${"x".repeat(2_000_000)}`;
    expect(await createResource(local, "memo", { initialize_with: value }, true)).toEqual({ value });
  });

  it("ends with its standard input", async () => {
    expect(await new ProviderProcess(local).close()).toBe(0);
  });

  it("passes arguments, environment and working directory on", async () => {
    const provider = new ProviderProcess("/bin/sh", {
      args: ["-c", `cd "$1" && exec "$0"`, local, "/"],
      env: { GREETING: "hello" },
      cwd: "/tmp",
    });
    const inputs = { executable: "sh", args: ["-c", "echo $GREETING $PWD $OLDPWD"] };
    expect(await provider.create("exec", inputs)).toEqual({ stdout: "hello / /tmp\n", json: null });
    expect(await provider.close()).toBe(0);
  });
});

describe("when the provider misbehaves", () => {
  it("names the exit code and the last lines of the log", async () => {
    const provider = shell("for i in $(seq 12); do echo line $i >&2; done; exit 3");
    await expect(provider.create("memo", {})).rejects.toThrow(
      /^Provider process failed with exit code: 3 \(\/bin\/sh\)\n {2}line 3\n(.*\n)* {2}line 12$/,
    );
    expect(provider.stderr).toContain("line 1\n");
    expect(await provider.close()).toBe(3);
    await expect(provider.request({})).rejects.toThrow("exit code: 3");
  });

  it("names the signal", async () => {
    const provider = shell("kill -KILL $$");
    await expect(provider.request({})).rejects.toThrow("Provider process was killed by SIGKILL");
    expect(await provider.close()).toBeNull();
  });

  it("tells that it ended without an answer", async () => {
    await expect(shell("read line").request({})).rejects.toThrow("did not return any output");
  });

  it("tells that it could not be started", async () => {
    const provider = new ProviderProcess("/nonexistent/provider");
    await expect(provider.request({})).rejects.toThrow(
      "Could not spawn provider process /nonexistent/provider: spawn /nonexistent/provider ENOENT",
    );
    expect(() => provider.pid).toThrow("was not started");
    expect(await provider.close()).toBeNull();
  });

  it.each([
    ["echo no JSON", "answered with a line that is not JSON: no JSON"],
    ["echo '{}'", "Expected createResourceResponse from provider but got: {}"],
    ["echo '[]'", "Expected createResourceResponse from provider but got: []"],
    [
      `echo '{"createResourceResponse":{}}'`,
      "Expected an object in the field outputProperties but got: nothing",
    ],
  ])("refuses the answer of `%s`", async (script, message) => {
    const provider = shell(script);
    await expect(provider.create("memo", {})).rejects.toThrow(message);
    await provider.close();
  });

  it("does not wait for what the provider left running", async () => {
    const provider = shell("sleep 20 & echo $! >&2; exit 4");
    await expect(provider.request({})).rejects.toThrow("exit code: 4");
    process.kill(Number(provider.stderr), "SIGKILL");
  });
});

it("delivers the log line by line", async () => {
  const lines: string[] = [];
  const provider = new ProviderProcess("/bin/sh", {
    args: ["-c", "printf 'one\\ntw' >&2; sleep 0.1; printf 'o\\nthree' >&2"],
    onStderr: (line) => lines.push(line),
  });
  await provider.close();
  expect(lines).toEqual(["one", "two", "three"]);
});

it("kills", async () => {
  const provider = shell("exec sleep 20");
  await provider.kill();
  expect(await provider.close()).toBeNull();
  expect(() => process.kill(provider.pid, 0)).toThrow("ESRCH");
});
