import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { type FakeRequest, type Parameters, Refusal } from "./request.ts";

const MAX_BODY = 512 * 1024;

/** Reads the parameters of a request from its query and its body: URL-encoded, JSON or multipart. */
export async function readParameters(
  request: IncomingMessage,
  query: URLSearchParams,
): Promise<Pick<FakeRequest, "params" | "file">> {
  const params: Parameters = Object.fromEntries(query);
  if (request.headers["transfer-encoding"] !== undefined)
    throw new Refusal(501, "chunked transfer encoding not supported");
  const type = request.headers["content-type"] ?? "";
  if (type.startsWith("multipart/form-data"))
    return readMultipart(request, /boundary="?([^";]+)/.exec(type)![1]!, params);
  if (Number(request.headers["content-length"] ?? 0) > MAX_BODY) throw new Refusal(501, "for data too large");
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString("utf8");
  if (type.startsWith("application/json")) {
    for (const [name, value] of Object.entries((text === "" ? {} : JSON.parse(text)) as object))
      params[name] = String(value);
  } else {
    // A semicolon also separates parameters.
    for (const pair of text.split(/[&;]/).filter((one) => one !== "")) {
      const [name = "", value = ""] = pair
        .split("=")
        .map((part) => decodeURIComponent(part.replaceAll("+", " ")));
      params[name] = value;
    }
  }
  return { params };
}

/** Reads fields, then one file, which is counted and hashed. Fields after the file are ignored, as in Proxmox VE. */
async function readMultipart(request: IncomingMessage, boundary: string, params: Parameters) {
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  let head = Buffer.from("\r\n");
  let file: { name: string; hash: ReturnType<typeof createHash>; size: number; tail: Buffer } | undefined;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if (file === undefined) {
      head = Buffer.concat([head, chunk]);
      const start = takeFields(head, delimiter, params);
      if (start === undefined) continue;
      file = { name: start.name, hash: createHash("sha256"), size: 0, tail: start.rest };
    } else file.tail = Buffer.concat([file.tail, chunk]);
    // A chunk may end within the delimiter: what may be a part of it is kept.
    const keep = delimiter.length + 8;
    if (file.tail.length > keep) {
      const body = file.tail.subarray(0, -keep);
      file.hash.update(body);
      file.size += body.length;
      file.tail = file.tail.subarray(-keep);
    }
  }
  if (file === undefined) return { params };
  const end = file.tail.indexOf(delimiter);
  if (end === -1) throw new Refusal(400, "upload is incomplete");
  file.hash.update(file.tail.subarray(0, end));
  return { params, file: { name: file.name, size: file.size + end, sha256: file.hash.digest("hex") } };
}

function takeFields(
  head: Buffer,
  delimiter: Buffer,
  params: Parameters,
): { name: string; rest: Buffer } | undefined {
  for (let at = head.indexOf(delimiter); at !== -1;) {
    const headersEnd = head.indexOf("\r\n\r\n", at);
    if (headersEnd === -1) return undefined;
    const headers = head.subarray(at, headersEnd).toString("utf8");
    const name = / name="([^"]*)"/.exec(headers)?.[1] ?? "";
    const filename = / filename="([^"]*)"/.exec(headers)?.[1];
    if (filename !== undefined) return { name: filename, rest: head.subarray(headersEnd + 4) };
    const next = head.indexOf(delimiter, headersEnd);
    if (next === -1) return undefined;
    params[name] = head.subarray(headersEnd + 4, next).toString("utf8");
    at = next;
  }
  return undefined;
}
