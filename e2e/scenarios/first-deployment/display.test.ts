import { expect, it } from "@jest/globals";
import { createDisplay } from "./display.ts";

function show(terminal: { isTTY?: boolean; noColor?: string }): string {
  let text = "";
  const display = createDisplay(
    { write: (part: string) => (text += part), ...terminal },
    terminal.noColor ?? "",
  );
  display.heading("Apply 1");
  display.event({ kind: "waiting", member: "server", on: "hostKey", output: "publicKey" });
  display.event({ kind: "started", member: "server", type: "wait", operation: "create" });
  display.event({
    kind: "failed",
    action: "failed",
    member: "server",
    type: "wait",
    seconds: 1,
    outputs: {},
    error: "no answer\nIs it on?",
  });
  display.table(
    ["Resource", "Apply 1"],
    [
      ["server", "ensured"],
      ["a-long-name", "x"],
    ],
  );
  return text;
}

const escape = "\u001B[";

it("is plain text when it is piped", () => {
  const text = show({});
  expect(text).not.toContain(escape);
  expect(text).toContain("⋯ server       waits for hostKey.publicKey\n");
  expect(text).toContain("▸ server       wait: create\n");
  expect(text).toContain("✗ server       failed: no answer\n                       Is it on?\n");
  expect(text).toContain("Resource     Apply 1\nserver       ensured\na-long-name  x\n");
});

it("is coloured on a terminal, but not with NO_COLOR", () => {
  expect(show({ isTTY: true })).toContain(`${escape}31m`);
  expect(show({ isTTY: true, noColor: "1" })).not.toContain(escape);
});

it("folds what is longer than the terminal is wide, and keeps words whole", () => {
  let text = "";
  const display = createDisplay({ write: (part: string) => (text += part), columns: 40 }, "1");
  display.event({ kind: "log", member: "server", line: "waits for the machine to boot from the network" });
  display.event({ kind: "log", member: "server", line: "copies /nix/store/0123456789abcdef now" });
  display.line("The boot service's status page is at http://127.0.0.1:8080/ now");
  expect(text.replaceAll(/^ +\d+\.\ds/gm, "  0.0s").split("\n")).toEqual([
    "  0.0s  │ server       waits for the",
    "                       machine to boot",
    "                       from the network",
    "  0.0s  │ server       copies",
    "          /nix/store/0123456789abcdef",
    "                       now",
    "The boot service's status page is at",
    "http://127.0.0.1:8080/ now",
    "",
  ]);
});

it("has headings of 80 columns", () => {
  expect(show({}).split("\n")[1]).toHaveLength(80);
});
