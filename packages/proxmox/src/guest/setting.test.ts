import { describe, expect, it } from "@jest/globals";
import type { GuestInputs } from "./guest-run.ts";
import { descriptionSetting, optional, propsSetting, scalar, tagsSetting } from "./setting.ts";

describe("a value", () => {
  it.each([
    [true, "1"],
    [false, "0"],
    [2, "2"],
    ["l26", "l26"],
  ])("%s is written as %s", (value, text) => {
    const setting = scalar("key", "path", value);
    expect([setting.initial, setting.merge("before")]).toEqual([text, text]);
  });

  it.each([
    ["1.5", "1.50", true],
    ["a\n", "a", true],
    ["2", "3", false],
    ["0", "", false],
    ["", "0", false],
    ["", "", true],
    ["a", "b", false],
  ])("%j is the same as %j: %s", (wanted, existing, isSame) => {
    expect(scalar("key", "path", wanted).isSame(existing)).toBe(isSame);
  });

  it("that is not set is none", () => {
    expect(optional("key", "path", undefined)).toBeUndefined();
    expect(optional("key", "path", 1)).toMatchObject({ key: "key", path: "path", initial: "1" });
  });
});

describe("properties", () => {
  const setting = propsSetting({
    key: "net0",
    path: "networks[0]",
    defaultKey: "model",
    managed: { model: "virtio", tag: undefined, firewall: "0" },
    defaults: { firewall: "0" },
  });

  it("keep what is not managed, and lose what is taken away", () => {
    expect(setting.initial).toBe("virtio,firewall=0");
    expect(setting.merge("e1000,tag=5,queues=2")).toBe("virtio,queues=2,firewall=0");
  });

  it.each([
    ["virtio", true],
    ["firewall=0,model=virtio", true],
    ["virtio,queues=2", true],
    ["virtio,firewall=1", false],
    ["virtio,tag=5", false],
    ["e1000", false],
  ])("of %s are the same: %s", (existing, isSame) => {
    expect(setting.isSame(existing)).toBe(isSame);
  });
});

describe("tags", () => {
  it("are sorted, in lower case, and each there once", () => {
    const setting = tagsSetting(["Web", "a", "web"])!;
    expect([setting.initial, setting.merge("old")]).toEqual(["a;web", "a;web"]);
    expect(setting.isSame("web, A;")).toBe(true);
    expect(setting.isSame("web;a;b")).toBe(false);
  });

  it("that are none are no setting", () => {
    expect(tagsSetting([])).toBeUndefined();
  });
});

describe("the notes", () => {
  const MARKER = "<!-- nixops4: owner=us name=web -->";
  const setting = (description: string | undefined, previous: Partial<GuestInputs> = {}) =>
    descriptionSetting({ description, owner: "us", name: "web" } as GuestInputs, previous);

  it.each([
    ["notes that are wanted", "New", {}, `Old\n\n${MARKER}\n`, `New\n\n${MARKER}`],
    ["notes of others, where none are wanted and none were", undefined, {}, "Old", `Old\n\n${MARKER}`],
    ["notes that are no longer wanted", undefined, { description: "Old" }, "Old", MARKER],
  ])("%s", (_, description, previous, existing, text) => {
    expect(setting(description, previous).merge(existing)).toBe(text);
  });

  it.each([
    ["Notes", `Notes\n\n${MARKER}\n`, true],
    ["Notes", "Notes", false],
    ["Notes", `Other\n\n${MARKER}`, false],
    ["", MARKER, true],
  ])("%j are the same as %j: %s", (description, existing, isSame) => {
    expect(setting(description).isSame(existing)).toBe(isSame);
  });
});
