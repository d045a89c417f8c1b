import { createHmac } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { hostKeyProblem, parseHostKey, plainHostKey } from "./known-hosts.ts";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPcnSKd6mWHg0QLBHpQSwR0WJAB7qDyjFh1gJ17qk6Wx";
const hashOf = (name: string, version = "1") => {
  const salt = Buffer.from("0123456789abcdefghij");
  return `|${version}|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
};

describe("a line of known_hosts", () => {
  it.each([
    KEY,
    `${KEY} comment`,
    `web1 ${KEY} comment\n`,
    `@revoked web1 ${KEY}`,
    `${hashOf("web1")}\t${KEY}`,
  ])("has the key, whatever stands around it: %j", (line) => {
    expect(plainHostKey(line)).toBe(KEY);
    expect(parseHostKey(line).type).toBe("ssh-ed25519");
  });

  it.each([
    // names, host, port, whether it is for that host
    ["web1", "web1", 22, true],
    ["web1", "web2", 22, false],
    ["WEB1", "web1", 22, true],
    ["web1", "WEB1", 22, true],
    ["web2,web1", "web1", 22, true],
    ["web1", "web1", 2222, true],
    ["[web1]:2222", "web1", 2222, true],
    ["[web1]:2222", "web1", 22, false],
    ["[web1]:22", "web1", 22, true],
    ["web?", "web1", 22, true],
    ["web?", "web", 22, false],
    ["web*", "web1.example", 22, true],
    ["*.example", "web1.example", 22, true],
    ["*.example", "web1xexample", 22, false],
    ["***************************x", "web1", 22, false],
    ["*,!web1", "web1", 22, false],
    ["*,!web1", "web2", 22, true],
    ["!web1,*", "web1", 22, false],
    ["!web2", "web1", 22, false],
    ["!web1", "web1", 22, false],
    ["10.0.0.1", "10.0.0.1", 22, true],
    ["fe80::1", "[fe80::1]", 22, true],
    ["[fe80::1]:2222", "fe80::1", 2222, true],
  ])("with the names %s, for %s at port %d: %s", (names, host, port, isFor) => {
    const problem = hostKeyProblem(`${names} ${KEY}`, { host, port });
    if (isFor) expect(problem).toBeUndefined();
    else {
      expect(problem).toBe(
        `is a line of known_hosts for ${names}, not for ${host}: without its first word it is taken as this host's`,
      );
    }
  });

  it.each([
    [hashOf("web1"), "web1", 22, true],
    [hashOf("web1"), "web1", 2222, true],
    [hashOf("[web1]:2222"), "web1", 2222, true],
    [hashOf("[web1]:2222"), "web1", 22, false],
    [hashOf("web2"), "web1", 22, false],
    [hashOf("web1", "2"), "web1", 22, false],
    ["|1|", "web1", 22, false],
  ])("with the hashed name %s, for %s at port %d: %s", (names, host, port, isFor) => {
    const problem = hostKeyProblem(`${names} ${KEY}`, { host, port });
    if (isFor) expect(problem).toBeUndefined();
    else expect(problem).toContain("is a line of known_hosts for a host whose name is hashed, not for web1");
  });

  it.each([
    [`@cert-authority * ${KEY}`, "is the key of a certificate authority"],
    [`@revoked web1 ${KEY}`, "is marked @revoked: take the key that the host has now"],
    [`@revoked web2 ${KEY}`, "is marked @revoked"],
    ["nonsense", "not a public key"],
    [`web1 ${KEY.slice(0, -8)}`, "damaged ssh-ed25519 key"],
    [`web1 sk-${KEY}`, "type sk-ssh-ed25519 is none of"],
  ])("is refused: %j", (line, problem) => {
    expect(hostKeyProblem(line, { host: "web1", port: 22 })).toContain(problem);
  });

  it.each([KEY, `${KEY} for another host`])("is for every host without names: %j", (line) => {
    expect(hostKeyProblem(line, { host: "web1", port: 22 })).toBeUndefined();
  });
});
