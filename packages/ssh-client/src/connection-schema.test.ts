import { describe, expect, it } from "@jest/globals";
import { checkConnection, type ConnectionSettings, type Hop } from "./connection-schema.ts";

const HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPcnSKd6mWHg0QLBHpQSwR0WJAB7qDyjFh1gJ17qk6Wx";

const hop: Hop = { host: "hop", port: 22, user: "root", hostPublicKeys: [HOST_KEY], agent: true };
const connection: ConnectionSettings = { ...hop, jump: [], connectTimeoutSeconds: 10 };

describe("checkConnection", () => {
  it("accepts a key of each supported kind", () => {
    expect(checkConnection({ ...connection, hostPublicKeys: [HOST_KEY, `${HOST_KEY} comment\n`] })).toEqual(
      [],
    );
  });

  it("names each bad line by its path, in jump hosts too", () => {
    const jump = [hop, { ...hop, hostPublicKeys: [HOST_KEY, "ssh-ed25519 garbage"] }];
    const violations = checkConnection({ ...connection, hostPublicKeys: ["nonsense", HOST_KEY], jump });
    expect(violations.map(({ path }) => path)).toEqual([
      "connection.hostPublicKeys[0]",
      "connection.jump[1].hostPublicKeys[1]",
    ]);
  });

  it.each([
    ["no key and no agent", { agent: false }, "connection.privateKey"],
    ["a passphrase for no key", { passphrase: { env: "X" } }, "connection.passphrase"],
  ])("refuses %s", (_what, changes, path) => {
    expect(checkConnection({ ...connection, ...changes })).toEqual([expect.objectContaining({ path })]);
  });
});
