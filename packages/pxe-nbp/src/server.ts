import type { BootClient, BootServiceError, BootTarget } from "@nixops4-providers/boot-api";
import {
  type Context,
  describeError,
  fields,
  ProviderError,
  refuseExposedFile,
  secretRef,
  type SecretRef,
  type Static,
  Type,
  type Violation,
  retryUntil,
  secondsField,
} from "@nixops4-providers/provider-sdk";

const DEFAULT_SOCKET = "/run/nixops4-boot-server/api.sock";
const PAUSE_SECONDS = 0.25;

/** The input `server` of the types that use the boot service. */
export const serverSchema = fields(
  {
    socket: Type.Optional(
      Type.String({
        minLength: 1,
        localPath: true,
        description: `The path of its unix socket. When neither this nor \`address\` is set: \`${DEFAULT_SOCKET}\`.`,
      }),
    ),
    address: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "The TCP address of the service, such as `landscaper.example.org:8443`. It needs the other three fields; " +
          "`nixops4-boot-server init-tls` creates the files.",
      }),
    ),
    caCertificateFile: Type.Optional(
      Type.String({
        minLength: 1,
        localPath: true,
        description: "The file with the certificate of its CA, in PEM format.",
      }),
    ),
    clientCertificateFile: Type.Optional(
      Type.String({
        minLength: 1,
        localPath: true,
        description: "The file with the client's certificate, in PEM format.",
      }),
    ),
    clientKey: Type.Optional(
      secretRef(
        "The private key of the client's certificate, in PEM format. A `file` of this user that others may read is refused.",
      ),
    ),
    connectTimeoutSeconds: secondsField(
      "How many seconds to try again when the service cannot be reached: it may be restarting. 0 means once.",
      { default: 15, orZero: true },
    ),
  },
  { title: "Server", default: {}, description: "How to reach the boot service." },
);

export type Server = Static<typeof serverSchema>;

const TLS_FIELDS = ["caCertificateFile", "clientCertificateFile", "clientKey"] as const;

/** Checks what the schema cannot express, for the `check` of a resource. */
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

/** Creates a client, which the caller must close. Sends nothing yet; see {@link untilReached}. */
export async function openBootService(server: Server, context: Context): Promise<BootClient> {
  const target = await targetOf(server, context);
  const { connectBootService } = await import("@nixops4-providers/boot-api");
  try {
    return connectBootService(target);
  } catch (cause) {
    throw new ProviderError(`cannot connect to the boot service ${server.address ?? ""}`, { cause });
  }
}

/** Repeats the call while the service cannot be reached. */
export async function untilReached<Result>(
  { connectTimeoutSeconds }: Server,
  { signal, log }: Context,
  call: () => Promise<Result>,
): Promise<Result> {
  let isFirst = true;
  return retryUntil(call, {
    deadline: performance.now() + connectTimeoutSeconds * 1000,
    pause: PAUSE_SECONDS,
    signal,
    mayPass: (error) => (error as Partial<BootServiceError>).isPassing === true,
    onFailure: (error) => {
      if (isFirst) {
        log.warn(`${describeError(error).split("\n")[0]}; trying again for ${connectTimeoutSeconds} s`);
      }
      isFirst = false;
    },
  });
}

async function targetOf(server: Server, context: Context): Promise<BootTarget> {
  const { socket = DEFAULT_SOCKET, address, caCertificateFile, clientCertificateFile, clientKey } = server;
  if (address === undefined) return { socket };
  return {
    address,
    caCertificate: await readCertificate(caCertificateFile!, "caCertificateFile"),
    clientCertificate: await readCertificate(clientCertificateFile!, "clientCertificateFile"),
    clientKey: await readClientKey(clientKey!, context),
  };
}

async function readClientKey(ref: SecretRef, context: Context): Promise<string> {
  const what = "the client's key for the boot service";
  const key = await context.key(ref, what);
  await refuseExposedFile(ref, what);
  return key;
}

async function readCertificate(file: string, field: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new ProviderError(`cannot read the file ${file}`, { path: `server.${field}`, cause });
  }
}
