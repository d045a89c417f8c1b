import type { Violation } from "@nixops4-providers/provider-sdk";
import { checkApiAccess } from "../api-access.ts";
import { checkAddresses, checkNameServers } from "../guest/check-addresses.ts";
import type { Inputs } from "./schema.ts";

/** Reports what the schema of a container cannot express. */
export function checkContainer(inputs: Inputs): Violation[] {
  const { connection, mountPoints, networks = [], nameServers, waitForIp, started } = inputs;
  const violations = checkApiAccess(connection);
  for (const key of Object.keys(mountPoints)) {
    if (!/^mp([0-9]|[12][0-9]|30)$/.test(key)) {
      violations.push({ path: `mountPoints.${key}`, message: "must be mp0 to mp30" });
    }
  }
  for (const [index, network] of networks.entries()) {
    const path = `networks[${index}]`;
    if (networks.findIndex(({ name }) => name === network.name) < index)
      violations.push({ path: `${path}.name`, message: `${network.name} is used twice` });
    violations.push(...checkAddresses(path, network));
  }
  violations.push(...checkNameServers("nameServers", nameServers));
  if (waitForIp !== undefined && networks.length === 0)
    violations.push({ path: "waitForIp", message: "needs a network interface" });
  if (waitForIp !== undefined && started === false)
    violations.push({ path: "waitForIp", message: "needs a running container" });
  return violations;
}

/** Reports the inputs that only a new container needs. */
export function missingForNew({ template, rootDisk }: Inputs): Violation[] {
  return [
    ...(template === undefined ? [{ path: "template", message: "is required for a new container" }] : []),
    ...(rootDisk === undefined ? [{ path: "rootDisk", message: "is required for a new container" }] : []),
  ];
}
