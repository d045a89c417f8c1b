import type { ServerResponse } from "node:http";
import { LostConnection } from "./answers.ts";

/**
 * Resolves once the operating system has taken all of it, so that its memory can be used again.
 *
 * @throws LostConnection
 */
export async function writeAll(res: ServerResponse, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onClose = () => reject(new LostConnection());
    if (res.destroyed) onClose();
    res.once("close", onClose);
    res.write(bytes, (error) => {
      res.off("close", onClose);
      // Node calls back without an error, and emits "finish" too, when the client has reset the connection.
      if (error || res.socket?.destroyed !== false) reject(new LostConnection());
      else resolve();
    });
  });
}
