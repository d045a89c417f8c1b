import {
  type Context,
  fields,
  secretRef,
  type Static,
  Type,
  secondsField,
} from "@nixops4-providers/provider-sdk";
import type { Backend, Lock } from "../backends/backend.ts";
import type { HttpApi } from "../backends/http.ts";
import type { Name } from "../client/name.ts";

export const timeoutField = secondsField("How many seconds to wait for one answer.", { default: 30 });

const urlField = (url: string) =>
  Type.String({
    pattern: "^https?://[^ \\n?#@]+$",
    patternError: `must be a URL without a password, such as ${url}`,
    default: url,
    description: "Where the API is.",
  });

const NO_PRECONDITIONS =
  "It has no preconditions: what was seen is read again just before a write, and a change by somebody else in this " +
  "moment is overwritten. Writes of this user on this machine wait for each other.";

const hetznerSchema = fields(
  {
    token: secretRef("An API token of the project, with the permission to read and write."),
    url: urlField("https://api.hetzner.cloud/v1"),
    timeoutSeconds: timeoutField,
  },
  {
    title: "Hetzner",
    description:
      `Hetzner Cloud DNS. ${NO_PRECONDITIONS} Record sets change one after another, TTL and values of one in two steps, ` +
      "and a change between CNAME and other types has a moment without records. TTL from 60 s, no SSHFP. The owner is " +
      "noted in the label `nixops4-owner`, which takes letters, digits and `._-`.",
  },
);

const desecSchema = fields(
  {
    token: secretRef("An API token."),
    url: urlField("https://desec.io/api/v1"),
    timeoutSeconds: timeoutField,
  },
  {
    title: "Desec",
    description:
      `deSEC. ${NO_PRECONDITIONS} All that one resource changes in a zone changes in one step. A zone takes 15 writes a ` +
      "minute, 100 an hour and 300 a day: use one `records` instead of many `record_set`s. TTL up to 86400 s, and not " +
      "below the domain's minimum, which is 3600 s when deSEC has not lowered it.",
  },
);

const cloudflareSchema = fields(
  {
    token: secretRef("An API token with the permissions Zone Read and DNS Edit of the zone."),
    proxied: Type.Boolean({
      default: false,
      description:
        "Whether A, AAAA and CNAME records are proxied: name servers then answer Cloudflare's addresses, so that such " +
        "records are not waited for. `ttl` of these must be 1, which means automatic.",
    }),
    url: urlField("https://api.cloudflare.com/client/v4"),
    timeoutSeconds: timeoutField,
  },
  {
    title: "Cloudflare",
    description:
      `Cloudflare. ${NO_PRECONDITIONS} Up to 200 records change in one step. TTL from 60 to 86400 s. The owner is noted in ` +
      "the comment of each record, in place of the comment that it has, and has at most 80 characters.",
  },
);

const gandiSchema = fields(
  {
    token: secretRef(
      "A personal access token with the permission to manage the domain's technical configurations.",
    ),
    url: urlField("https://api.gandi.net/v5"),
    timeoutSeconds: timeoutField,
  },
  {
    title: "Gandi",
    description:
      `Gandi LiveDNS. ${NO_PRECONDITIONS} The record sets of one name change in one step, different names one after ` +
      "another. TTL from 300 to 2592000 s. How many requests it takes in which time is not confirmed: an answer 429 is " +
      "waited for.",
  },
);

export const cloudSchemas = {
  hetzner: Type.Optional(hetznerSchema),
  desec: Type.Optional(desecSchema),
  cloudflare: Type.Optional(cloudflareSchema),
  gandi: Type.Optional(gandiSchema),
};

export interface CloudServers {
  hetzner?: Static<typeof hetznerSchema>;
  desec?: Static<typeof desecSchema>;
  cloudflare?: Static<typeof cloudflareSchema>;
  gandi?: Static<typeof gandiSchema>;
}

/** Opens a zone at one of the cloud services; `undefined` when the server is none of them. */
export async function openCloudBackend(
  { hetzner, desec, cloudflare, gandi }: CloudServers,
  zone: Name,
  context: Context,
  maySplit: boolean,
): Promise<Backend | undefined> {
  if (hetzner !== undefined) {
    const { HetznerBackend } = await import("../backends/hetzner.ts");
    const { api, lock } = await openApi(hetzner, "Bearer", context);
    return new HetznerBackend(api, zone, lock, context.signal);
  }
  if (desec !== undefined) {
    const { DesecBackend } = await import("../backends/desec.ts");
    const { api, lock } = await openApi(desec, "Token", context);
    return new DesecBackend(api, zone, lock);
  }
  if (cloudflare !== undefined) {
    const { CloudflareBackend } = await import("../backends/cloudflare.ts");
    const { api, lock } = await openApi(cloudflare, "Bearer", context);
    return new CloudflareBackend(api, zone, lock, { proxied: cloudflare.proxied, maySplit });
  }
  if (gandi === undefined) return undefined;
  const { GandiBackend } = await import("../backends/gandi.ts");
  const { api, lock } = await openApi(gandi, "Bearer", context);
  return new GandiBackend(api, zone, lock);
}

async function openApi(
  { token, url, timeoutSeconds }: Static<typeof desecSchema>,
  scheme: "Bearer" | "Token",
  context: Context,
): Promise<{ api: HttpApi; lock: Lock }> {
  const [{ HttpApi }, { lockOf }] = await Promise.all([
    import("../backends/http.ts"),
    import("../backends/lock.ts"),
  ]);
  const secret = await context.key(token, "the API token");
  const headers = { authorization: `${scheme} ${secret}` };
  const api = new HttpApi({ baseUrl: url.replace(/\/$/, ""), headers, secret, timeoutSeconds, context });
  return { api, lock: lockOf(url, context.signal) };
}
