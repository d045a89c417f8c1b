import type { GuestInputs } from "./guest-run.ts";
import { isAssumed, optional, type Setting, tagsSetting } from "./setting.ts";

type Inputs = Partial<GuestInputs> & {
  cores?: number | undefined;
  cpuLimit?: number | undefined;
  osType?: string | undefined;
};

/** The keys that VMs and containers share. Only the key of the name differs. */
export function commonSettings(nameKey: "name" | "hostname", inputs: Inputs): (Setting | undefined)[] {
  return [
    optional(nameKey, "name", inputs.name),
    tagsSetting(inputs.tags ?? []),
    optional("cores", "cores", inputs.cores),
    isAssumed("0", optional("cpulimit", "cpuLimit", inputs.cpuLimit)),
    optional("ostype", "osType", inputs.osType),
    isAssumed("0", optional("onboot", "onBoot", inputs.onBoot)),
    optional("startup", "startup", inputs.startup),
    isAssumed("0", optional("protection", "protection", inputs.protection)),
  ];
}

/** The keys of the DNS resolver. `path` is that of the inputs, with its dot. */
export function resolverSettings(
  path: string,
  { nameServers, searchDomain }: { nameServers?: string[] | undefined; searchDomain?: string | undefined },
): (Setting | undefined)[] {
  return [
    // An empty value is not stored.
    optional("nameserver", `${path}nameServers`, nameServers?.join(" ") || undefined),
    optional("searchdomain", `${path}searchDomain`, searchDomain),
  ];
}
