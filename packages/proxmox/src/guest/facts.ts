import type { PveClient } from "../client/client.ts";

export interface Node {
  node: string;
  status: string;
}

export interface Storage {
  storage: string;
  content: string;
  active?: number;
  enabled?: number;
}

/** Path → privilege → whether it propagates to paths below. */
export type Permissions = Record<string, Record<string, number>>;

/** Facts about a cluster, each requested at most once. */
export class Facts {
  readonly #client: PveClient;
  readonly #known = new Map<string, Promise<unknown>>();

  constructor(client: PveClient) {
    this.#client = client;
  }

  nodes(): Promise<Node[]> {
    return this.#get("/nodes");
  }

  permissions(): Promise<Permissions> {
    return this.#get("/access/permissions");
  }

  /** The major version, such as 9. */
  async major(): Promise<number> {
    const { version } = await this.#get<{ version: string }>("/version");
    return Number.parseInt(version, 10);
  }

  storages(node: string): Promise<Storage[]> {
    return this.#get(`/nodes/${node}/storage`);
  }

  /** The bridges and virtual networks of a node. */
  async bridges(node: string): Promise<string[]> {
    const networks = await this.#get<{ iface: string }[]>(`/nodes/${node}/network`, { type: "any_bridge" });
    return networks.map(({ iface }) => iface);
  }

  async volumes(node: string, storage: string): Promise<string[]> {
    const volumes = await this.#get<{ volid: string }[]>(`/nodes/${node}/storage/${storage}/content`);
    return volumes.map(({ volid }) => volid);
  }

  #get<Data>(path: string, params: Record<string, string> = {}): Promise<Data> {
    const known = this.#known.get(path) ?? this.#client.get<Data>(path, params);
    this.#known.set(path, known);
    return known as Promise<Data>;
  }
}
