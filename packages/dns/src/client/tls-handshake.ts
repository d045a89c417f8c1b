import type { TLSSocket } from "node:tls";
import { DnsError } from "./dns-error.ts";

/**
 * Waits for the end of a TLS handshake, and destroys the socket when it fails. A certificate that is not trusted is no
 * transient error: the server would show the same again.
 */
export async function finishHandshake(socket: TLSSocket, where: string, remedy: string): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("secureConnect", resolve).once("error", reject);
      socket.once("close", () => reject(new Error("the server closed the connection")));
    });
  } catch (cause) {
    socket.destroy();
    const isRefused = (socket.authorizationError as Error | string | null | undefined) != null;
    if (isRefused) throw new DnsError(`the certificate of ${where} is not trusted (${remedy})`, { cause });
    throw cause;
  }
}
