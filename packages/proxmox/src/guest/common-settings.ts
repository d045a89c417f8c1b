import type { GuestInputs } from "./guest-run.ts";
import { optional, type Setting, tagsSetting } from "./setting.ts";

type Inputs = Partial<GuestInputs> & {
  cores?: number | undefined;
  cpuLimit?: number | undefined;
  osType?: string | undefined;
};

/** The keys that VMs and containers have in common; that of the name has a name of its own in each. */
export function commonSettings(nameKey: "name" | "hostname", inputs: Inputs): (Setting | undefined)[] {
  return [
    optional(nameKey, "name", inputs.name),
    tagsSetting(inputs.tags ?? []),
    optional("cores", "cores", inputs.cores),
    optional("cpulimit", "cpuLimit", inputs.cpuLimit),
    optional("ostype", "osType", inputs.osType),
    optional("onboot", "onBoot", inputs.onBoot),
    optional("startup", "startup", inputs.startup),
    optional("protection", "protection", inputs.protection),
  ];
}

/** The keys of name servers, which the inputs at `path` say. */
export function resolverSettings(
  path: string,
  { nameServers, searchDomain }: { nameServers?: string[] | undefined; searchDomain?: string | undefined },
): (Setting | undefined)[] {
  return [
    optional("nameserver", `${path}nameServers`, nameServers?.join(" ")),
    optional("searchdomain", `${path}searchDomain`, searchDomain),
  ];
}
