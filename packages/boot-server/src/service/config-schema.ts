import { fields, Type, type Static } from "@nixops4-providers/provider-sdk";
import { DEFAULT_LIMITS } from "../core/limits.ts";

const port = (value: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65535, default: value, description });

const listenAddress = (what: string) =>
  Type.String({
    format: "ip",
    patternError: "must be an IP address",
    default: "0.0.0.0",
    description: `The IP address ${what}. \`0.0.0.0\` means all IPv4 addresses of this host, \`::\` all addresses.`,
  });

const limit = (value: number, minimum: number, description: string) =>
  Type.Integer({ minimum, default: value, description });

const text = (description: string, value?: string) =>
  Type.String({ minLength: 1, ...(value === undefined ? {} : { default: value }), description });

const path = (description: string, value?: string) => ({ ...text(description, value), localPath: true });

/** The schema of the configuration file, from which the flags are derived. */
export const configSchema = fields({
  store: path(
    "The folder in which entries and uploads are stored. It is created if necessary. Only one server can use it.",
    "/var/lib/nixops4-boot-server",
  ),
  nixStore: path(
    "The Nix store from which kernels and ramdisks are served directly. Other ones are uploaded.",
    "/nix/store",
  ),
  publicUrl: Type.Optional(
    Type.String({
      pattern: "^https?://[^\\s/?#]+(/[^\\s?#]*)?$",
      patternError: "must be a URL without a query, such as https://boot.example.org",
      description:
        "The URL at which machines reach this server by HTTP. Required behind a proxy. When not set, the local address " +
        "and port of each request.",
    }),
  ),
  tftp: fields(
    {
      enable: Type.Boolean({
        default: true,
        description: "Whether to serve boot programs by TFTP. Machines with UEFI HTTP boot do not need it.",
      }),
      address: listenAddress(
        "for TFTP requests. On a host with several networks, set the address in the machines' network",
      ),
      port: port(69, "The UDP port for TFTP requests. 0 selects a free port. Firmware uses port 69 only."),
    },
    { default: {}, description: "The TFTP server." },
  ),
  http: fields(
    {
      address: listenAddress("for HTTP requests"),
      port: port(8080, "The TCP port for HTTP requests. 0 selects a free port."),
    },
    { default: {}, description: "The HTTP server, for machines and for the status page." },
  ),
  grpc: fields(
    {
      socket: path(
        "The path of the API's unix socket. Its folder is created if necessary.",
        "/run/nixops4-boot-server/api.sock",
      ),
      mode: Type.String({
        pattern: "^0?[0-7]{3}$",
        patternError: "must be 3 octal digits, such as 0660",
        default: "0660",
        description:
          "The mode of the unix socket in octal. A process that can write to the socket has full control of the service.",
      }),
      tcp: Type.Optional(
        fields(
          {
            address: listenAddress("for API calls"),
            port: port(8443, "The TCP port for API calls. 0 selects a free port."),
            caCertificateFile: path(
              "The certificate of the CA, in PEM format. A client with a certificate from it has full control of the service.",
            ),
            certificateFile: path("The certificate of this server, in PEM format."),
            keyFile: path(
              "The private key of the certificate, in PEM format. It is read before the service switches to `user`.",
            ),
          },
          {
            description:
              "Offers the API over TCP too, with mutual TLS. `nixops4-boot-server init-tls` creates the files.",
          },
        ),
      ),
    },
    { default: {}, description: "The API for `nixops4`." },
  ),
  nbps: Type.Record(Type.String(), path("The path of the file."), {
    default: {
      "undionly.kpxe": "/usr/lib/ipxe/undionly.kpxe",
      "ipxe.efi": "/usr/lib/ipxe/ipxe.efi",
      "snponly.efi": "/usr/lib/ipxe/snponly.efi",
      "snponly-arm64.efi": "/usr/lib/ipxe/snponly-arm64.efi",
    },
    description:
      "The network boot programs: their paths by the name that machines request, which consists of letters, digits, " +
      "`.`, `_` and `-`. Files in the default value that do not exist are skipped.",
  }),
  user: Type.Optional(
    text(
      "The user to switch to after all ports are open, when the service is started as root. The store then belongs to this user.",
    ),
  ),
  group: Type.Optional(text("The group to switch to. When not set, the primary group of `user`.")),
  graceSeconds: Type.Number({
    minimum: 0,
    maximum: 3600,
    default: 30,
    description: "How long the server waits for running transfers when it is stopped, in seconds.",
  }),
  logFormat: Type.Enum(["text", "json"], {
    default: "text",
    description: "The format of the log on standard error: `text`, or `json` for one JSON object per line.",
  }),
  limits: fields(
    {
      maxTransfers: limit(512, 1, "The maximum number of concurrent TFTP transfers."),
      maxConnections: limit(1024, 1, "The maximum number of concurrent HTTP connections."),
      maxEntries: limit(DEFAULT_LIMITS.maxEntries, 1, "The maximum number of boot entries."),
      maxAssets: limit(
        DEFAULT_LIMITS.maxAssets,
        1,
        "The maximum number of kernels and ramdisks in the store.",
      ),
      maxAssetBytes: limit(
        DEFAULT_LIMITS.maxAssetBytes,
        1,
        "The maximum size of a kernel or ramdisk, in bytes.",
      ),
      maxOverlayBytes: limit(
        DEFAULT_LIMITS.maxOverlayBytes,
        1,
        "The maximum total size of the files that an entry adds to the ramdisk, in bytes.",
      ),
      minFreeBytes: limit(
        DEFAULT_LIMITS.minFreeBytes,
        0,
        "The space that must stay free on the disk, in bytes. An upload that would leave less is refused.",
      ),
      assetGraceSeconds: limit(
        DEFAULT_LIMITS.assetGraceSeconds,
        0,
        "How long an unused kernel or ramdisk is kept, in seconds.",
      ),
    },
    { default: {}, description: "Limits. Requests that exceed them are refused." },
  ),
});

/** The configuration with all defaults filled in. */
export type Config = Static<typeof configSchema>;
