import type { Action, ApplyEvent } from "../../harness/index.ts";

export interface Display {
  heading(text: string): void;
  event(event: ApplyEvent): void;
  /** Prints a line that is not about a resource. */
  note(what: string, text: string): void;
  line(text?: string): void;
  table(header: readonly string[], rows: readonly (readonly string[])[]): void;
}

interface Terminal {
  write(text: string): unknown;
  isTTY?: boolean;
  columns?: number;
}

const WIDTH = 80;
/** The column in which names start. */
const NAME_COLUMN = 10;

/**
 * Prints events when they happen, within the width of the terminal, or 80 columns. Colours are only used in a terminal
 * and without NO_COLOR. Member names take `nameWidth` columns.
 */
export function createDisplay(
  terminal: Terminal,
  noColor = process.env["NO_COLOR"] ?? "",
  nameWidth = 12,
): Display {
  const colored = terminal.isTTY === true && noColor === "";
  const paint = (color: Color, text: string) => (colored ? `\u001B[${colors[color]}m${text}\u001B[0m` : text);
  const line = (text = "") => void terminal.write(`${text}\n`);
  const paragraph = (text = "") => {
    for (const part of text.split("\n").flatMap((part) => fold(part, width))) line(part);
  };
  let start = performance.now();

  const textColumn = NAME_COLUMN + nameWidth + 1;
  const width = terminal.columns ?? WIDTH;

  const entry = (color: Color, mark: string, name: string, text: string, textColor?: Color) => {
    const time = formatSeconds((performance.now() - start) / 1000).padStart(6);
    const [first = "", ...more] = text.split("\n").flatMap((part) => fold(part, width - textColumn));
    const textPaint = (part: string) => (textColor === undefined ? part : paint(textColor, part));
    line(
      `${paint("dim", time)}  ${paint(color, mark)} ${name.padEnd(nameWidth)} ${textPaint(first)}`.trimEnd(),
    );
    for (const part of more) {
      // A long text without spaces, such as a path, starts in the column of names.
      const column = part.length > width - textColumn ? NAME_COLUMN : textColumn;
      line(`${" ".repeat(column)}${textPaint(part)}`);
    }
  };

  return {
    line: paragraph,
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
            `waits for ${[event.on, event.output].filter(Boolean).join(".")}`,
            "dim",
          );
        case "started":
          return entry("cyan", "▸", member, `${event.type}: ${event.operation}`);
        case "log":
          return entry("dim", "│", member, event.line, "dim");
        case "failed":
        case "not run":
          return entry("red", "✗", member, `${event.kind}: ${event.error ?? ""}`);
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

/** Breaks a line at spaces. A word longer than the width gets a separate line. */
function fold(line: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of line.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
