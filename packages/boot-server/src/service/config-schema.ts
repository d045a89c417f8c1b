import { fields, Type, type Static } from "@nixops4-providers/provider-sdk";
import { DEFAULT_LIMITS } from "../core/limits.ts";

const port = (value: number, description: string) =>
  Type.Integer({ minimum: 0, maximum: 65535, default: value, description });

const listenAddress = (what: string) =>
  Type.String({
    format: "ip",
    patternError: "must be an IP address",
    default: "0.0.0.0",
    description: `The IP address on which ${what}. \`0.0.0.0\` is every IPv4 address of this host, \`::\` every one.`,
  });

const limit = (value: number, minimum: number, description: string) =>
  Type.Integer({ minimum, default: value, description });

const text = (description: string, value?: string) =>
  Type.String({ minLength: 1, ...(value === undefined ? {} : { default: value }), description });

const path = (description: string, value?: string) => ({ ...text(description, value), localPath: true });

/** Everything that can be set: in the configuration file, and by flags made from this. */
export const configSchema = fields({
  store: path(
    "The folder that keeps entries and uploads. It is made when it is not there, and one server has it to itself.",
    "/var/lib/nixops4-boot-server",
  ),
  nixStore: path(
    "The Nix store from which kernels and ramdisks are served in place, where it has them.",
    "/nix/store",
  ),
  publicUrl: Type.Optional(
    Type.String({
      pattern: "^https?://[^\\s/?#]+(/[^\\s?#]*)?$",
      patternError: "must be a URL without a query, such as https://boot.example.org",
      description:
        "Under which URL machines reach this server by HTTP, needed behind a proxy. When not set, the address and " +
        "port to which a machine has come.",
    }),
  ),
  tftp: fields(
    {
      enable: Type.Boolean({
        default: true,
        description: "Whether boot programs are served by TFTP. Machines with UEFI HTTP boot do without.",
      }),
      address: listenAddress("TFTP requests are taken. On a host with several networks, name one"),
      port: port(69, "The UDP port for TFTP requests; 0 takes a free one. Firmware asks on 69 only."),
    },
    { default: {}, description: "The TFTP server." },
  ),
  http: fields(
    {
      address: listenAddress("HTTP requests are taken"),
      port: port(8080, "The TCP port for HTTP requests; 0 takes a free one."),
    },
    { default: {}, description: "The HTTP server, for machines and for the status page." },
  ),
  grpc: fields(
    {
      socket: path(
        "The unix socket of the API. Its folder is made when it is not there.",
        "/run/nixops4-boot-server/api.sock",
      ),
      mode: Type.String({
        pattern: "^0?[0-7]{3}$",
        patternError: "must be 3 octal digits, such as 0660",
        default: "0660",
        description:
          "The mode of the unix socket, in octal digits. A process that can write to it may do everything.",
      }),
      tcp: Type.Optional(
        fields(
          {
            address: listenAddress("API calls are taken"),
            port: port(8443, "The TCP port for API calls; 0 takes a free one."),
            caCertificateFile: path("The certificate of the CA whose clients may do everything (PEM)."),
            certificateFile: path("The certificate of this server (PEM)."),
            keyFile: path("The private key that belongs to it (PEM). It is read before `user` takes effect."),
          },
          {
            description:
              "Offers the API over TCP too, with mutual TLS. `nixops4-boot-server init-tls` makes the files.",
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
      "The network boot programs: files by the name (letters, digits, `.`, `_`, `-`) under which machines ask for " +
      "them. Of the default ones, those that exist are served.",
  }),
  user: Type.Optional(
    text(
      "The user as whom to go on once all ports are open, when started as root. The store then belongs to it.",
    ),
  ),
  group: Type.Optional(text("The group to go on as. When not set, that of `user`.")),
  graceSeconds: Type.Number({
    minimum: 0,
    maximum: 3600,
    default: 30,
    description:
      "How long transfers that are under way may take to finish when the server is stopped, in seconds.",
  }),
  logFormat: Type.Enum(["text", "json"], {
    default: "text",
    description: "The form of the log on standard error: lines to read, or one JSON object a line.",
  }),
  limits: fields(
    {
      maxTransfers: limit(512, 1, "TFTP transfers at once."),
      maxConnections: limit(1024, 1, "HTTP connections at once."),
      maxEntries: limit(DEFAULT_LIMITS.maxEntries, 1, "Boot entries."),
      maxAssets: limit(DEFAULT_LIMITS.maxAssets, 1, "Kernels and ramdisks in the store."),
      maxAssetBytes: limit(DEFAULT_LIMITS.maxAssetBytes, 1, "The size of one of them, in bytes."),
      maxOverlayBytes: limit(
        DEFAULT_LIMITS.maxOverlayBytes,
        1,
        "All files together that an entry adds to the ramdisk, in bytes.",
      ),
      minFreeBytes: limit(
        DEFAULT_LIMITS.minFreeBytes,
        0,
        "What stays free on the disk: an upload that would leave less is refused. In bytes.",
      ),
      assetGraceSeconds: limit(
        DEFAULT_LIMITS.assetGraceSeconds,
        0,
        "How long a kernel or ramdisk that no entry needs is kept, in seconds.",
      ),
    },
    { default: {}, description: "What the service takes on before it says no." },
  ),
});

/** The configuration with all defaults filled in. */
export type Config = Static<typeof configSchema>;
