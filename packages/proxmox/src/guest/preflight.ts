import { refuse, type Violation } from "@nixops4-providers/provider-sdk";
import type { Facts, Permissions } from "./facts.ts";
import type { Plan } from "./plan.ts";

/** Checks everything that can be known before a change. Throws one error that lists all problems. */
export async function preflight(facts: Facts, what: string, plan: Plan): Promise<void> {
  const known = [...(plan.violations ?? []), ...(await nodeViolations(facts, plan.node))];
  // Nothing else can be checked on a node that does not answer.
  if (known.some(({ path }) => path === "node")) throw refuse(`${what}: nothing was changed`, known);
  const found = await Promise.all([
    storageViolations(facts, plan),
    bridgeViolations(facts, plan),
    privilegeViolations(facts, plan),
  ]);
  const violations = [...known, ...found.flat()];
  if (violations.length === 0) violations.push(...(await volumeViolations(facts, plan)));
  if (violations.length > 0) throw refuse(`${what}: nothing was changed`, unique(violations));
}

async function nodeViolations(facts: Facts, wanted: string): Promise<Violation[]> {
  const nodes = await facts.nodes();
  const node = nodes.find((one) => one.node === wanted);
  if (node === undefined) {
    const known = nodes.map((one) => one.node).join(", ");
    return [{ path: "node", message: `there is no node ${wanted}; existing nodes: ${known}` }];
  }
  return node.status === "online" ? [] : [{ path: "node", message: `${wanted} is ${node.status}` }];
}

async function storageViolations(facts: Facts, { node, storages }: Plan): Promise<Violation[]> {
  if (storages.length === 0) return [];
  const known = await facts.storages(node);
  return storages.flatMap(({ storage, content, path }) => {
    const found = known.find((one) => one.storage === storage);
    if (found === undefined) {
      const names = known.map((one) => one.storage).join(", ");
      const message = `the storage ${storage} is not on ${node}, or the token cannot see it (Datastore.Audit); existing storages: ${names}`;
      return [{ path, message }];
    }
    if (found.active === 0) return [{ path, message: `the storage ${storage} is not active on ${node}` }];
    if (found.content.split(",").includes(content)) return [];
    const command = `pvesm set ${storage} --content ${found.content},${content}`;
    const message = `the storage ${storage} does not accept the content ${content} (it accepts ${found.content}); to allow it, run as root: ${command}`;
    return [{ path, message }];
  });
}

async function bridgeViolations(facts: Facts, { node, bridges }: Plan): Promise<Violation[]> {
  if (bridges.length === 0) return [];
  const known = await facts.bridges(node);
  return bridges
    .filter(({ bridge }) => !known.includes(bridge))
    .map(({ bridge, path }) => ({
      path,
      message: `there is no bridge ${bridge} on ${node}; existing bridges: ${known.join(", ")}`,
    }));
}

async function volumeViolations(facts: Facts, { node, volumes }: Plan): Promise<Violation[]> {
  const lists = await Promise.all(
    volumes.map(async ({ volume, path }) => {
      const known = await facts.volumes(node, volume.split(":")[0] ?? "");
      return known.includes(volume) ? [] : [{ path, message: `there is no volume ${volume} on ${node}` }];
    }),
  );
  return lists.flat();
}

async function privilegeViolations(facts: Facts, { privileges }: Plan): Promise<Violation[]> {
  const permissions = await facts.permissions();
  return privileges
    .filter(
      ({ paths, anyOf }) => !paths.some((at) => anyOf.some((one) => hasPrivilege(permissions, at, one))),
    )
    .map(({ paths, anyOf, path }) => ({
      path,
      message: `the token lacks the privilege ${anyOf.join(" or ")} on ${paths.join(" or ")}`,
    }));
}

/** Looks at the nearest path with permissions. From a path above, only privileges that propagate count. */
function hasPrivilege(permissions: Permissions, path: string, privilege: string): boolean {
  for (let at = path; ; at = at.slice(0, at.lastIndexOf("/")) || "/") {
    const given = permissions[at];
    if (given !== undefined) return at === path ? privilege in given : given[privilege] === 1;
    if (at === "/") return false;
  }
}

function unique(violations: Violation[]): Violation[] {
  return [...new Map(violations.map((one) => [`${one.path} ${one.message}`, one])).values()];
}
