import { type Context, type ConvergeRequest, refuse } from "@nixops4-providers/provider-sdk";
import { PveError } from "../client/errors.ts";
import { runTask } from "../client/tasks.ts";
import { type Interface, networkKeysOf, waitForAddresses } from "../guest/addresses.ts";
import { createGuest } from "../guest/allocate.ts";
import { convergeGuest } from "../guest/converge-guest.ts";
import { type Guest, labelOf, pathOf } from "../guest/guest.ts";
import { withMarker } from "../guest/marker.ts";
import type { Observed } from "../guest/observe.ts";
import { withRun } from "../guest/with-run.ts";
import type { Inputs, Outputs } from "./schema.ts";
import { missingForNew } from "./check.ts";
import { preflightChanges, preflightCreate } from "./preflight.ts";
import { macOf, type Run, settingsOf, volumesOf, wantedOf } from "./settings.ts";

interface ContainerInterface {
  hwaddr?: string;
  "hardware-address"?: string;
  "ip-addresses"?: { "ip-address": string }[];
}

export function convergeContainer(
  request: ConvergeRequest<Inputs, Outputs>,
  context: Context,
): Promise<Outputs> {
  return withRun("lxc", request, context, converge);
}

function converge(run: Run): Promise<Outputs> {
  return convergeGuest<Inputs, Outputs>(run, {
    create: () => create(run),
    sync: { wanted: wantedOf(run), preflight: (seen, changes) => preflightChanges(run, seen, changes) },
    absent: { vmid: null, node: null, macAddresses: [], ipAddresses: [] },
    outputsOf: async (seen) => ({
      macAddresses: macAddressesOf(seen),
      ipAddresses: await ipAddressesOf(run, seen),
    }),
  });
}

async function create(run: Run): Promise<Guest> {
  const { client, inputs } = run;
  const missing = missingForNew(inputs);
  if (missing.length > 0) throw refuse(`cannot create the container ${inputs.name}`, missing);
  await preflightCreate(run);
  const settings = [...settingsOf(inputs), ...volumesOf(inputs)];
  const config = Object.fromEntries(settings.map(({ key, initial }) => [key, initial]));
  const { description = "", owner, name, sshKeys } = inputs;
  const vmid = await createGuest(client, inputs.vmid, (vmid) =>
    runTask(client, {
      method: "POST",
      path: `/nodes/${inputs.node}/lxc`,
      params: {
        vmid,
        ostemplate: inputs.template,
        unprivileged: inputs.unprivileged,
        pool: inputs.pool,
        "ssh-public-keys": sshKeys.length === 0 ? undefined : sshKeys.join("\n"),
        ...config,
        description: withMarker(description, { owner, name }),
      },
      what: `creating ${labelOf({ kind: "lxc", vmid })} (${name})`,
      timeoutSeconds: inputs.taskTimeoutSeconds,
    }),
  );
  return { kind: "lxc", node: inputs.node, vmid };
}

function macAddressesOf(seen: Observed): string[] {
  return networkKeysOf(seen).map((key) => macOf(seen.values.get(key)!));
}

async function ipAddressesOf({ client, inputs }: Run, seen: Observed): Promise<string[]> {
  const { waitForIp, networks = [] } = inputs;
  const fixed = [networks[0]?.ipv4, networks[0]?.ipv6].filter((one) => one?.includes("/") === true);
  if (waitForIp === undefined) return fixed.map((one) => one!.split("/")[0]!);
  return waitForAddresses(client, seen, {
    ...waitForIp,
    mac: macAddressesOf(seen)[0],
    ask: () => ask(client, seen),
    hint: "Check that the container runs.",
  });
}

async function ask(client: Run["client"], seen: Observed): Promise<Interface[] | PveError> {
  try {
    const interfaces = await client.get<ContainerInterface[] | null>(`${pathOf(seen)}/interfaces`);
    return (interfaces ?? []).map((one) => ({
      mac: one.hwaddr ?? one["hardware-address"] ?? "",
      addresses: (one["ip-addresses"] ?? []).map((address) => address["ip-address"]),
    }));
  } catch (error) {
    if (error instanceof PveError && error.status === 500) return error;
    throw error;
  }
}
