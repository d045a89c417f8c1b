/** A number whose notation a JavaScript number does not keep, such as `1.0`, `-0` or `9007199254740993`. */
export class JsonNumber {
  /** The number as it is in the JSON text. */
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** The JavaScript number with the same value. `undefined` for an integer without one, and above 1.8e308. */
  toNumber(): number | undefined {
    const number = Number(this.text);
    if (!Number.isFinite(number)) return undefined;
    const isInteger = /^-?\d+$/.test(this.text);
    return isInteger && decimalOf(String(number)) !== decimalOf(this.text) ? undefined : number;
  }

  /** Called by JSON.stringify, which would write a different number. */
  toJSON(): never {
    throw new LossyWriteError("a JsonNumber can only be written by stringifyJson");
  }
}

export class LossyWriteError extends TypeError {
  override readonly name = "LossyWriteError";
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber)
  );
}

/** Returns one notation for each number: its digits without zeros at the ends, and the exponent. */
export function decimalOf(text: string): string {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e");
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".");
  const all = whole + fraction;
  const start = all.search(/[1-9]/);
  if (start === -1) return "0";
  let end = all.length;
  while (all[end - 1] === "0") end--;
  const sign = mantissa.startsWith("-") ? "-" : "";
  return `${sign}${all.slice(start, end)}e${BigInt(exponent) - BigInt(fraction.length) + BigInt(all.length - end)}`;
}
