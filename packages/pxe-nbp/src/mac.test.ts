import { expect, it } from "@jest/globals";
import { checkMacs, hyphenated, normalizeMac } from "./mac.ts";

it("has one form for all ways to write a MAC address", () => {
  expect(["52:54:00:AB:cd:EF", "52-54-00-ab-CD-ef"].map(normalizeMac)).toEqual(
    Array(2).fill("52:54:00:ab:cd:ef"),
  );
  expect(hyphenated("52:54:00:AB:cd:EF")).toBe("52-54-00-ab-cd-ef");
});

it("has no repetition where addresses differ", () => {
  expect(checkMacs(["52:54:00:12:34:56", "52:54:00:12:34:57"])).toEqual([]);
});

it("refuses what is no network card's address, and repetitions", () => {
  const form = "must be a MAC address: six pairs of hexadecimal digits with colons or hyphens between them";
  const macs = [
    "52:54:00:12:34:56",
    "52:54:00:12:34",
    "525400123456",
    "52:54-00:12:34:57",
    "52:54:00:12:34:5g",
  ];
  const found = checkMacs([...macs, "52-54-00-12-34-56", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"]);
  expect(found).toEqual([
    { path: "macs[1]", message: form },
    { path: "macs[2]", message: form },
    { path: "macs[3]", message: form },
    { path: "macs[4]", message: form },
    { path: "macs[5]", message: "is listed twice" },
    { path: "macs[6]", message: "is the address of a group, not of a network card" },
    { path: "macs[7]", message: "is no network card's address" },
  ]);
});
