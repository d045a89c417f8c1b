import { describe, expect, it } from "@jest/globals";
import { pinnedAlgorithms } from "./host-key.ts";

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
