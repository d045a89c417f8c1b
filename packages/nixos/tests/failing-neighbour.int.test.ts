import { afterAll, beforeAll, expect, it } from "@jest/globals";
import {
  ApplyError,
  applyDeployment,
  builtProvider,
  graph,
  type ApplyOptions,
  type Json,
} from "@nixops4-providers/e2e";
import { startNamespaceTarget } from "./namespace-target.ts";
import { describeWithNamespaces } from "./requirements.ts";
import { callsOf, eventually, stateOf, type Target } from "./target.ts";
import { buildSystem } from "./test-systems.ts";

const HEALTHY = ["b", "c", "d"] as const;
const ALL = ["hosts.a", "hosts.b", "hosts.c", "hosts.d"];
const CALLS = ["test neighbour", "boot neighbour"];

describeWithNamespaces("a host that cannot be reached, beside three healthy ones", () => {
  let targets: Target[] = [];
  let toplevel: string;

  beforeAll(async () => {
    toplevel = await buildSystem({ name: "neighbour", onTest: "sleep 2" });
  }, 60_000);
  afterAll(stop);

  async function start(): Promise<void> {
    targets = await Promise.all(HEALTHY.map(() => startNamespaceTarget()));
  }
  async function stop(): Promise<void> {
    await Promise.all(targets.map((target) => target.stop()));
  }

  function host(connection: object) {
    const healthChecks = [{ command: "sleep 1" }];
    const inputs = { connection, toplevel, substituteOnDestination: false, healthChecks } as object;
    const nixos = {
      provider: { executable: builtProvider("nixos") },
      type: "system",
      inputs: inputs as Record<string, Json>,
    };
    return { members: { nixos } };
  }

  /** Returns the result of each host. Host `a` refuses connections, so it fails first. */
  async function apply(options: ApplyOptions): Promise<Record<string, string>> {
    const healthy = HEALTHY.map((name, index) => [name, host(targets[index]!.connection)] as const);
    const a = host({ ...targets[0]!.connection, port: 1 });
    const network = graph({ hosts: { members: { a, ...Object.fromEntries(healthy) } } });
    const error: unknown = await applyDeployment(network, { onEvent: () => {}, ...options }).catch(
      (reason: unknown) => reason,
    );
    if (!(error instanceof ApplyError)) throw new Error("the apply did not fail", { cause: error });
    const actions = error.results.map(({ member, action, error }) => [member, error ?? action]);
    return Object.fromEntries(actions) as Record<string, string>;
  }

  async function areDeployed(): Promise<boolean> {
    const states = await Promise.all(targets.map((target) => stateOf(target).catch(() => undefined)));
    return states.every((state) => state?.currentSystem === toplevel && state.profile === toplevel);
  }

  it.each([
    ["none is named", {}, "left"],
    ["none is named, and nobody reads the log", { interactive: true }, "left"],
    ["each is named", { members: ALL }, "ensured"],
  ])(
    "leaves those deployed at the first apply, and unchanged at the second, where %s",
    async (_, options: ApplyOptions, action) => {
      await start();
      const failed = { "hosts.a.nixos": expect.stringContaining("ECONNREFUSED") };
      const others = (what: string) => ({
        "hosts.b.nixos": what,
        "hosts.c.nixos": what,
        "hosts.d.nixos": what,
      });
      expect(await apply(options)).toEqual({
        ...failed,
        ...others(action),
      });
      await eventually("they are deployed", 60, areDeployed);
      expect(await Promise.all(targets.map(callsOf))).toEqual([CALLS, CALLS, CALLS]);
      expect(await apply({ members: ALL })).toEqual({ ...failed, ...others("ensured") });
      expect(await Promise.all(targets.map(callsOf))).toEqual([CALLS, CALLS, CALLS]);
      await stop();
      targets = [];
    },
    120_000,
  );
});
