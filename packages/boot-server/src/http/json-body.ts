import type { IncomingMessage } from "node:http";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { HttpError } from "./answers.ts";

const ajv = new Ajv({ allErrors: true });

/** Compiles a validator of an object with these JSON Schema `properties` and no others. */
export function bodyOf<T>(
  properties: { [Name in keyof T]: object },
  required: (keyof T)[],
): ValidateFunction<T> {
  return ajv.compile<T>({ type: "object", additionalProperties: false, required, properties });
}

/**
 * Reads a JSON body. Ignores the Content-Type.
 *
 * @throws HttpError 413 if it is too large, 400 with all violations. The message does not quote values.
 */
export async function readJsonBody<T>(
  req: IncomingMessage,
  maxBytes: number,
  validate: ValidateFunction<T>,
): Promise<T> {
  const value = parseJson((await readBody(req, maxBytes)).toString("utf8"));
  if (validate(value)) return value;
  throw new HttpError(400, (validate.errors ?? []).map(describeViolation).join("; "));
}

/**
 * Reads a body.
 *
 * @throws HttpError 413 if it is too large
 */
export async function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(req.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Buffer[] = [];
  let size = 0;
  // Otherwise leaving the loop would destroy the socket, which the answer needs.
  for await (const chunk of req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(maxBytes: number): HttpError {
  return new HttpError(413, `the body is larger than ${maxBytes} bytes`, { Connection: "close" });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // JSON.parse's message quotes its input.
    throw new HttpError(400, "the body is not JSON");
  }
}

function describeViolation({ instancePath, keyword, params, message }: ErrorObject): string {
  const path = instancePath.slice(1).replaceAll("/", ".");
  const field = (name: unknown) => [path, String(name).slice(0, 64)].filter(Boolean).join(".");
  if (keyword === "required") return `${field(params["missingProperty"])}: is required`;
  if (keyword === "additionalProperties") return `${field(params["additionalProperty"])}: unknown field`;
  return `${path === "" ? "the body" : path}: ${message}`;
}
