import type { Action, ApplyEvent } from "../../harness/index.ts";

export interface Display {
  heading(text: string): void;
  event(event: ApplyEvent): void;
  /** A line about something that is no resource. */
  note(what: string, text: string): void;
  line(text?: string): void;
  table(header: readonly string[], rows: readonly (readonly string[])[]): void;
}

interface Terminal {
  write(text: string): unknown;
  isTTY?: boolean;
}

const WIDTH = 80;

/**
 * Prints what happens as it happens, a line for each event; in colour only for a terminal and without NO_COLOR. Names of
 * members take `nameWidth` columns.
 */
export function createDisplay(
  terminal: Terminal,
  noColor = process.env["NO_COLOR"] ?? "",
  nameWidth = 12,
): Display {
  const colored = terminal.isTTY === true && noColor === "";
  const paint = (color: Color, text: string) => (colored ? `\u001B[${colors[color]}m${text}\u001B[0m` : text);
  const line = (text = "") => void terminal.write(`${text}\n`);
  let start = performance.now();

  const entry = (color: Color, mark: string, name: string, text: string) => {
    const time = formatSeconds((performance.now() - start) / 1000).padStart(6);
    line(`${paint("dim", time)}  ${paint(color, mark)} ${name.padEnd(nameWidth)} ${text}`);
  };

  return {
    line,
    heading(text) {
      start = performance.now();
      line(`\n${paint("bold", `── ${text} ${"─".repeat(Math.max(0, WIDTH - text.length - 4))}`)}`);
    },
    note: (what, text) => entry("cyan", "•", what, text),
    event(event) {
      const { member } = event;
      switch (event.kind) {
        case "waiting":
          return entry(
            "dim",
            "⋯",
            member,
            paint("dim", `waits for ${[event.on, event.output].filter(Boolean).join(".")}`),
          );
        case "started":
          return entry("cyan", "▸", member, `${event.type}: ${event.operation}`);
        case "log":
          return entry("dim", "│", member, paint("dim", event.line));
        case "failed":
        case "not run":
          return entry("red", "✗", member, `${event.kind}: ${indent(event.error ?? "", nameWidth)}`);
        case "left":
          return entry("dim", "…", member, "left under way");
        case "ensured":
        case "created":
        case "updated":
        case "skipped":
          return entry("green", "✓", member, describeDone(event.action, event.seconds));
      }
    },
    table(header, rows) {
      const widths = header.map((_, column) =>
        Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0)),
      );
      const format = (row: readonly string[]) =>
        row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join("  ")
          .trimEnd();
      line();
      line(paint("bold", format(header)));
      for (const row of rows) line(format(row));
      line();
    },
  };
}

export function formatSeconds(seconds: number): string {
  return `${seconds.toFixed(1)}s`;
}

type Color = keyof typeof colors;
const colors = { bold: 1, dim: 2, red: 31, green: 32, cyan: 36 };

function describeDone(action: Action, seconds: number): string {
  return action === "skipped"
    ? "skipped: its inputs are unchanged"
    : `${action} in ${formatSeconds(seconds)}`;
}

/** Further lines of a text, under the first one in the column of texts. */
function indent(text: string, nameWidth: number): string {
  return text.replaceAll("\n", `\n${" ".repeat(nameWidth + 11)}`);
}
