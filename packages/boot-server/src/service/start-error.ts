import { ProviderError } from "@nixops4-providers/provider-sdk";

/** Starts a server. Adds a hint to the error if it fails. */
export async function startPart<T>(what: string, setting: string, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (cause) {
    const hint = hintFor(cause, setting);
    throw new ProviderError(`cannot start ${what}`, { cause, ...(hint === undefined ? {} : { hint }) });
  }
}

function hintFor(error: unknown, setting: string): string | undefined {
  const { code = "", port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === "EADDRINUSE") {
    return (
      `Another program is listening there (\`ss -lntup 'sport = :${port ?? "<port>"}'\` shows which one; for TFTP it is ` +
      `often dnsmasq with enable-tftp). Stop it, or change \`${setting}\`.`
    );
  }
  if (code === "EACCES" || code === "EPERM") {
    return (
      "Ports below 1024 require CAP_NET_BIND_SERVICE, a socket from systemd, or a start as root with `user` set. " +
      `Or change \`${setting}\`.`
    );
  }
  if (code === "EADDRNOTAVAIL") {
    return `This host has no such address (\`ip address\` lists its own). Change \`${setting}\`.`;
  }
  return undefined;
}
