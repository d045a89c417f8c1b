import { describe, expect, it } from "@jest/globals";
import { parsePublicKey } from "@nixops4-providers/ssh-keys";
import type { Endpoint } from "./endpoint.ts";
import { hostKeyMismatch, pinnedAlgorithms } from "./host-key.ts";

const pin = (type: string) => ({ type, blob: Buffer.from("blob"), comment: "" });

describe("pinnedAlgorithms", () => {
  it("asks for the types of the pins alone, and never for SHA-1", () => {
    expect(pinnedAlgorithms([pin("ssh-rsa")])).toEqual(["rsa-sha2-512", "rsa-sha2-256"]);
    expect(pinnedAlgorithms([pin("ssh-ed25519"), pin("ecdsa-sha2-nistp256"), pin("ssh-ed25519")])).toEqual([
      "ssh-ed25519",
      "ecdsa-sha2-nistp256",
    ]);
  });
});

describe("hostKeyMismatch", () => {
  const key = parsePublicKey(
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOzFsB2+plTNbzZDsNHn5s5Ow93ELQ8wA8XMCNTm00sh",
  );
  const fingerprint = "SHA256:zvlC6o6weaD29vlrOjg02pQh1MuVeqb4kaFsZ9Rpiig (ssh-ed25519)";
  const endpoint = { label: "web1:22", pins: [key, key] } as unknown as Endpoint;
  const start = `the host key of web1:22 is not the expected one: expected ${fingerprint} or ${fingerprint}, presented`;

  it("names all expected keys and the presented one", () => {
    expect(hostKeyMismatch(endpoint, key.blob).message).toBe(`${start} ${fingerprint}`);
  });

  it("says when the host has no key of the pinned types", () => {
    expect(hostKeyMismatch(endpoint, undefined).message).toBe(`${start} no key of that type`);
  });
});
