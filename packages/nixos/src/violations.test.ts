import { describe, expect, it } from "@jest/globals";
import { refusedInputs } from "@nixops4-providers/e2e";
import { answer } from "@nixops4-providers/provider-sdk";
import { provider } from "./provider.ts";

const STORE_PATH = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz-nixos-system-web1";
const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPcnSKd6mWHg0QLBHpQSwR0WJAB7qDyjFh1gJ17qk6Wx";
// The command for the key is never run.
const connection = { host: "web1", hostPublicKeys: [HOST_KEY], privateKey: { command: ["false"] } };
const tcp = { port: 80 };
const http = { url: "http://web1" };
const NOT_A_STORE_PATH = "must be a store path, such as /nix/store/<32 characters>-<name>";
const ONE_KIND = "must have exactly one of command, tcp, http";

const refusals = (type: string, inputs: object) =>
  refusedInputs((line, signal) => answer(provider, line, signal), type, inputs);

type Case = [what: string, changes: object, violations: string[]];

describe.each(["never", "when-needed", "always"])("system with reboot %s", (reboot) => {
  const needsReboot = reboot !== "never";

  it.each([
    ["switch", false],
    ["boot", false],
    ["test", needsReboot],
    ["dry-activate", needsReboot],
  ] as const)("and the action %s is refused: %s", async (action, isRefused) => {
    const message = `reboot: must be never with the action ${action}: the host would boot into another system`;
    const inputs = { connection, toplevel: STORE_PATH, action, reboot };
    expect(await refusals("system", inputs)).toEqual(isRefused ? [message] : []);
  });
});

describe("system", () => {
  it.each<Case>([
    ["no more than it needs", {}, []],
    ["each kind of health check", { healthChecks: [{ command: "true" }, { tcp }, { http }] }, []],
    ["a TCP check of another host", { healthChecks: [{ tcp: { ...tcp, host: "::1" } }] }, []],
    ["a path in the store", { toplevel: `${STORE_PATH}/bin` }, [`toplevel: ${NOT_A_STORE_PATH}`]],
    ["a health check of no kind", { healthChecks: [{ tcp }, {}] }, [`healthChecks[1]: ${ONE_KIND}`]],
    ["a health check of two kinds", { healthChecks: [{ tcp, http }] }, [`healthChecks[0]: ${ONE_KIND}`]],
    [
      "a health check of all kinds",
      { healthChecks: [{ command: "true", tcp, http }] },
      [`healthChecks[0]: ${ONE_KIND}`],
    ],
    [
      "all violations at once",
      {
        toplevel: "result",
        connection: { ...connection, agent: false, privateKey: null },
        healthChecks: [{}],
      },
      [
        "connection.privateKey: is required when agent is false",
        `toplevel: ${NOT_A_STORE_PATH}`,
        `healthChecks[0]: ${ONE_KIND}`,
      ],
    ],
    ["a port of 0", { healthChecks: [{ tcp: { port: 0 } }] }, ["healthChecks[0].tcp.port: must be >= 1"]],
    [
      "a port above 65535",
      { healthChecks: [{ tcp: { port: 65_536 } }] },
      ["healthChecks[0].tcp.port: must be <= 65535"],
    ],
    ["a profile in two lines", { profile: "/a\nb" }, ["profile: must be an absolute path in one line"]],
    ["a relative profile", { profile: "profile" }, ["profile: must be an absolute path in one line"]],
    [
      "another scheme",
      { healthChecks: [{ http: { url: "ftp://web1" } }] },
      ["healthChecks[0].http.url: must begin with http:// or https://"],
    ],
    ["a timeout of 0", { activationTimeoutSeconds: 0 }, ["activationTimeoutSeconds: must be > 0"]],
    ["no wait for the lock", { lockTimeoutSeconds: 0 }, []],
  ])("with %s", async (_, changes, violations) => {
    const inputs = { connection, toplevel: STORE_PATH, ...changes };
    expect(await refusals("system", inputs)).toEqual(violations);
  });

  it("with the host of a TCP check that is no host", async () => {
    const healthChecks = [{ tcp }, { tcp: { ...tcp, host: "web1:80" } }];
    const [violation, ...more] = await refusals("system", { connection, toplevel: STORE_PATH, healthChecks });
    expect(violation).toMatch(/^healthChecks\[1\]\.tcp\.host: /);
    expect(more).toEqual([]);
  });
});

describe("closure", () => {
  it.each<Case>([
    ["no more than it needs", {}, []],
    ["another path", { path: "/etc" }, [`path: ${NOT_A_STORE_PATH}`]],
    [
      "all violations at once",
      { path: "/etc", connection: { ...connection, agent: false, privateKey: null } },
      ["connection.privateKey: is required when agent is false", `path: ${NOT_A_STORE_PATH}`],
    ],
  ])("with %s", async (_, changes, violations) => {
    expect(await refusals("closure", { connection, path: STORE_PATH, ...changes })).toEqual(violations);
  });
});
