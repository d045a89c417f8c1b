import { describe, expect, it } from "@jest/globals";
import { configSchema } from "./config-schema.ts";
import { renderConfigReference } from "./config-reference.ts";
import { applyFlags, settings } from "./flags.ts";
import { checkConfig } from "./load-config.ts";

describe("checkConfig", () => {
  it("fills in the defaults, those of objects that were left out too", () => {
    expect(checkConfig({}, "test")).toMatchObject({
      store: "/var/lib/nixops4-boot-server",
      tftp: { enable: true, address: "0.0.0.0", port: 69 },
      http: { port: 8080 },
      grpc: { socket: "/run/nixops4-boot-server/api.sock", mode: "0660" },
      limits: { maxTransfers: 512 },
    });
    expect(checkConfig({}, "test").grpc.tcp).toBeUndefined();
  });

  it("takes null for not set, as Nix writes it", () => {
    expect(checkConfig({ user: null, grpc: { tcp: null }, tftp: { port: null } }, "test").tftp.port).toBe(69);
  });

  it("lists everything that is wrong, with its path", () => {
    const wrong = {
      stroe: "/x",
      tftp: { port: 70_000, address: "example.org", enabled: true },
      grpc: { mode: "rwx", tcp: { port: "1" } },
      nbps: { "x.efi": 1 },
      logFormat: "xml",
    };
    expect(() => checkConfig(wrong, "x.json")).toThrow(/x\.json/);
    const paths = messageOf(() => checkConfig(wrong, "x.json")).match(/^ {2}[^:]+/gm);
    expect(paths?.map((path) => path.trim()).toSorted()).toEqual([
      "grpc.mode",
      "grpc.tcp.caCertificateFile",
      "grpc.tcp.certificateFile",
      "grpc.tcp.keyFile",
      "grpc.tcp.port",
      "logFormat",
      "nbps.x.efi",
      "stroe",
      "tftp.address",
      "tftp.enabled",
      "tftp.port",
    ]);
  });

  it("says in words what a text must look like, and expands no path", () => {
    const wrong = {
      grpc: { mode: "rwx" },
      http: { address: "lan0" },
      publicUrl: "boot.example.org",
      store: "~/boot",
    };
    expect(
      messageOf(() => checkConfig(wrong, "x.json"))
        .split("\n")
        .slice(1)
        .toSorted(),
    ).toEqual([
      "  grpc.mode: must be 3 octal digits, such as 0660",
      "  http.address: must be an IP address",
      "  publicUrl: must be a URL without a query, such as https://boot.example.org",
      "  store: must not begin with `~`, which is not expanded: write the whole path",
    ]);
    const mute = subschemas(configSchema).filter(
      ({ pattern, format, patternError }) =>
        (pattern ?? format) !== undefined && typeof patternError !== "string",
    );
    expect(mute).toEqual([]);
  });
});

function subschemas(schema: object): Record<string, unknown>[] {
  return [
    schema,
    ...Object.values(schema).flatMap((value: unknown) =>
      typeof value === "object" && value !== null ? subschemas(value) : [],
    ),
  ] as Record<string, unknown>[];
}

describe("flags", () => {
  it("win over the file, and name every setting", () => {
    const file = { tftp: { port: 1, address: "::1" }, nbps: { a: "/a" } };
    const flags = { "tftp-port": "2", "http-port": "3", "tftp-enable": "false", nbps: ["b=/b=c"] };
    expect(applyFlags(file, flags)).toEqual({
      tftp: { port: 2, address: "::1", enable: false },
      http: { port: 3 },
      nbps: { b: "/b=c" },
    });
    expect(settings.map(({ flag }) => flag)).toContain("grpc-tcp-ca-certificate-file");
  });

  it.each([
    [{ "tftp-port": "1e1" }, "tftp.port"],
    [{ "tftp-port": "" }, "tftp.port"],
    [{ "tftp-enable": "yes" }, "tftp.enable"],
    [{ "grace-seconds": "-1" }, "graceSeconds"],
    [{ nbps: ["x"] }, "nbps.x"],
  ])("leaves nonsense to the validator: %j", (flags, path) => {
    expect(messageOf(() => checkConfig(applyFlags({}, flags), "test"))).toContain(`  ${path}: `);
  });

  it("does not hide what is wrong in the file", () => {
    expect(messageOf(() => checkConfig(applyFlags({ tftp: 5 }, { "tftp-port": "1" }), "test"))).toContain(
      "tftp: ",
    );
  });
});

it("documents every setting", () => {
  const page = renderConfigReference();
  for (const { flag, path, description } of settings) {
    expect(description).toMatch(/\.\)?$/);
    expect(page).toContain(`\`${path.join(".")}\``);
    expect(page).toContain(`\`--${flag}\``);
  }
});

function messageOf(work: () => unknown): string {
  try {
    work();
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}
