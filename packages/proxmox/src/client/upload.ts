import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { PveClient } from "./client.ts";

/** After the last byte, Proxmox VE may copy the whole file before it answers. */
const ANSWER_SECONDS = 600;

export interface Upload {
  path: string;
  /** Form fields, which Proxmox VE expects before the file. */
  fields: Readonly<Record<string, string>>;
  file: { path: string; name: string; bytes: number };
}

/** Uploads a file as a multipart form, in constant memory and with a Content-Length. Returns the `data` of the answer. */
export function upload(client: PveClient, { path, fields, file }: Upload): Promise<unknown> {
  const boundary = `nixops4-${randomBytes(16).toString("hex")}`;
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = Buffer.from(
    `${parts.join("")}--${boundary}\r\nContent-Disposition: form-data; name="filename"; filename="${file.name}"\r\n` +
      "Content-Type: application/octet-stream\r\n\r\n",
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  return client.send(`POST ${path}`, {
    method: "POST",
    path,
    headers: {
      "content-type": `multipart/form-data; boundary=${boundary}`,
      "content-length": head.length + file.bytes + tail.length,
    },
    body: Readable.from(body(head, file, tail), { objectMode: false, highWaterMark: 64 * 1024 }),
    timeoutSeconds: ANSWER_SECONDS,
  });
}

/** Yields exactly as many bytes of the file as announced. If the file changes meanwhile, its checksum fails. */
async function* body(head: Buffer, { path, bytes }: Upload["file"], tail: Buffer) {
  yield head;
  if (bytes > 0) {
    for await (const chunk of createReadStream(path, { end: bytes - 1 }) as AsyncIterable<Buffer>)
      yield chunk;
  }
  yield tail;
}
