import type { ServerResponse } from "node:http";
import { LostConnection } from "./answers.ts";

/**
 * Writes bytes. Resolves after the operating system has taken all of them, so that their buffer can be reused.
 *
 * @throws LostConnection if the client closes the connection
 */
export async function writeAll(res: ServerResponse, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onClose = () => reject(new LostConnection());
    if (res.destroyed) onClose();
    res.once("close", onClose);
    res.write(bytes, (error) => {
      res.off("close", onClose);
      // After a reset by the client, Node calls back without an error, and also emits "finish".
      if (error || res.socket?.destroyed !== false) reject(new LostConnection());
      else resolve();
    });
  });
}
