import type { BootClient, BootTarget } from "@nixops4-providers/boot-api";
import {
  type Context,
  fields,
  ProviderError,
  secretRef,
  type Static,
  Type,
  type Violation,
} from "@nixops4-providers/provider-sdk";

const DEFAULT_SOCKET = "/run/nixops4-boot-server/api.sock";

/** The input `server` of everything that works with the boot service. */
export const serverSchema = fields(
  {
    socket: Type.Optional(
      Type.String({
        minLength: 1,
        description: `The path of its unix socket. When neither this nor \`address\` is set: \`${DEFAULT_SOCKET}\`.`,
      }),
    ),
    address: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "Where it listens on TCP, as `landscaper.example.org:8443`. It needs the other three fields, which " +
          "`nixops4-boot-server init-tls` makes the files for.",
      }),
    ),
    caCertificateFile: Type.Optional(
      Type.String({ minLength: 1, description: "The file with the certificate of its CA, in PEM format." }),
    ),
    clientCertificateFile: Type.Optional(
      Type.String({ minLength: 1, description: "The file with the client's certificate, in PEM format." }),
    ),
    clientKey: Type.Optional(secretRef("The private key of the client's certificate, in PEM format.")),
  },
  { title: "Server", default: {}, description: "How to reach the boot service." },
);

export type Server = Static<typeof serverSchema>;

const TLS_FIELDS = ["caCertificateFile", "clientCertificateFile", "clientKey"] as const;

/** What the schema cannot say; for the `check` of a resource. */
export function checkServer(server: Server): Violation[] {
  const { socket, address } = server;
  const violations: Violation[] = [];
  const add = (field: string, message: string) => violations.push({ path: `server.${field}`, message });
  if (socket !== undefined && address !== undefined) add("socket", "must not be set together with address");
  if (address !== undefined && !/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):\d{1,5}$/.test(address)) {
    add("address", "must be a name or an IP address (IPv6 in brackets), a colon and a port");
  }
  for (const field of TLS_FIELDS) {
    const isGiven = server[field] !== undefined;
    if (address !== undefined && !isGiven) add(field, "is required with address");
    if (address === undefined && isGiven) add(field, "is given without address");
  }
  return violations;
}

/** Nothing is sent yet. To be closed. */
export async function openBootService(server: Server, context: Context): Promise<BootClient> {
  const target = await targetOf(server, context);
  const { connectBootService } = await import("@nixops4-providers/boot-api");
  try {
    return connectBootService(target);
  } catch (cause) {
    throw new ProviderError(`cannot connect to the boot service ${server.address ?? ""}`, { cause });
  }
}

async function targetOf(server: Server, context: Context): Promise<BootTarget> {
  const { socket = DEFAULT_SOCKET, address, caCertificateFile, clientCertificateFile, clientKey } = server;
  if (address === undefined) return { socket };
  return {
    address,
    caCertificate: await readCertificate(caCertificateFile!, "caCertificateFile"),
    clientCertificate: await readCertificate(clientCertificateFile!, "clientCertificateFile"),
    clientKey: await context.secret(clientKey!, "the client's key for the boot service"),
  };
}

async function readCertificate(file: string, field: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new ProviderError(`cannot read the file ${file}`, { path: `server.${field}`, cause });
  }
}
