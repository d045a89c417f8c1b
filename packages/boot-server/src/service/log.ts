type Level = "info" | "warn" | "error";

/** Additional fields of a message, for programs. */
type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Writes one line. The caller must not pass secrets. */
export type Log = (level: Level, part: string, message: string, fields?: LogFields) => void;

/** Creates a structured log with one JSON object or one line of text for each message. */
export function createLog(format: "text" | "json", write: (line: string) => void): Log {
  const render = format === "json" ? renderJson : renderText;
  return (level, part, message, fields = {}) => {
    write(`${render({ time: new Date().toISOString(), level, part, message }, fields)}\n`);
  };
}

interface Line {
  time: string;
  level: Level;
  part: string;
  message: string;
}

function renderJson(line: Line, fields: LogFields): string {
  return JSON.stringify({ ...line, ...fields });
}

function renderText({ time, level, part, message }: Line, fields: LogFields): string {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined);
  const words = [
    time,
    level,
    `${part}:`,
    onOneLine(message),
    ...pairs.map(([name, value]) => `${name}=${word(value)}`),
  ];
  return words.join(" ");
}

/** Escapes text from the network, which must not begin a new line or control a terminal. */
function onOneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, "; ").replaceAll(/[\p{Cc}\u2028\u2029]/gu, "?");
}

function word(value: string | number | boolean | undefined): string {
  const text = String(value);
  return /^[\w.,:/@%+-]+$/.test(text) ? text : onOneLine(JSON.stringify(text));
}
