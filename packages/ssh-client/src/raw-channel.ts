import type { Duplex } from "node:stream";
import { LineTail, ProviderError } from "@nixops4-providers/provider-sdk";
import type { ClientChannel } from "ssh2";
import { withDeadline } from "./deadline.ts";
import type { Link } from "./link.ts";

export interface RawChannelOptions {
  /** Runs the program as root by `sudo -n`. */
  sudo?: boolean | undefined;
  /** Called with each line of standard error as it comes. */
  onStderrLine?: ((line: string) => void) | undefined;
}

export async function openRawChannel(
  link: Link,
  command: string,
  { sudo = false, onStderrLine }: RawChannelOptions,
): Promise<Duplex> {
  const { label, timeoutSeconds } = link.endpoint;
  let late = false;
  const opened = new Promise<ClientChannel>((resolve, reject) => {
    link.client.exec(`exec ${sudo ? "sudo -n " : ""}${command}`, (error, channel) => {
      if (error) return reject(error);
      if (late) channel.destroy();
      resolve(channel);
    });
  });
  try {
    const channel = await withDeadline(opened, timeoutSeconds, "no answer");
    const lines = new LineTail((line) => {
      onStderrLine?.(line);
      return false;
    });
    channel.stderr.on("data", (chunk: Buffer) => lines.push(chunk)).on("end", () => lines.end());
    return channel;
  } catch (cause) {
    late = true;
    throw new ProviderError(`cannot start a command on ${label}`, { cause: link.lost ?? cause });
  }
}
