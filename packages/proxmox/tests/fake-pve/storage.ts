import { demand, privilegesOn } from "./access.ts";
import type { Cluster, Volume } from "./cluster.ts";
import { Refusal } from "./request.ts";
import { type Call, route, type Route } from "./routes.ts";

const EXTENSIONS: Record<string, RegExp> = {
  iso: /\.(iso|img)$/i,
  vztmpl: /\.tar\.(gz|xz|zst|bz2)$/,
  import: /\.(ova|qcow2|raw|vmdk)$/,
};

export const storageRoutes: Route[] = [
  route("GET /nodes/:node/storage", ({ cluster, tokenId }) =>
    [...cluster.storages.values()]
      .filter(({ name }) => mayList(cluster, tokenId, name))
      .map(({ name, content, shared }) => ({
        storage: name,
        content: content.join(","),
        type: "dir",
        active: 1,
        enabled: 1,
        shared: shared ? 1 : 0,
      })),
  ),
  route("GET /nodes/:node/storage/:storage/content", ({ cluster, tokenId, at, params }) => {
    cluster.storage(at["storage"]!);
    demand(cluster, tokenId, `/storage/${at["storage"]}`, ["Datastore.Audit", "Datastore.AllocateSpace"]);
    return [...cluster.volumes.values()]
      .filter(({ id }) => id.startsWith(`${at["storage"]}:`))
      .filter(
        ({ content, visibleAt }) => (params["content"] ?? content) === content && Date.now() >= visibleAt,
      )
      .map(({ id, content, bytes }) => ({ volid: id, content, size: bytes, format: id.split(".").at(-1) }));
  }),
  route("POST /nodes/:node/storage/:storage/download-url", downloadUrl),
  route("POST /nodes/:node/storage/:storage/upload", upload),
  route("DELETE /nodes/:node/storage/:storage/content/:volume", ({ cluster, tokenId, at }) => {
    demand(cluster, tokenId, `/storage/${at["storage"]}`, ["Datastore.Allocate"]);
    const volume = decodeURIComponent(at["volume"]!);
    const id = volume.includes(":") ? volume : `${at["storage"]}:${volume}`;
    return cluster.tasks.start({ node: at["node"]!, type: "imgdel", id, user: tokenId }, () => {
      if (!cluster.volumes.delete(id)) throw new Error(`volume '${id}' does not exist`);
    });
  }),
];

function mayList(cluster: Cluster, tokenId: string, name: string): boolean {
  const privileges = privilegesOn(cluster, tokenId, `/storage/${name}`);
  return privileges.has("Datastore.Audit") || privileges.has("Datastore.AllocateSpace");
}

/** The files that download-url can fetch: URL → size and checksum. */
export const downloads = new Map<string, { bytes: number; sha256: string }>();

function checkFile({ cluster, at, params, tokenId }: Call): void {
  const storage = cluster.storage(at["storage"]!);
  demand(cluster, tokenId, `/storage/${storage.name}`, ["Datastore.AllocateTemplate"]);
  const content = params["content"]!;
  if (!storage.content.includes(content)) {
    throw new Refusal(400, "Parameter verification failed.", {
      content: `storage '${storage.name}' is not configured for content-type '${content}'`,
    });
  }
  const filename = params["filename"] ?? "";
  if (!EXTENSIONS[content]!.test(filename)) {
    throw new Refusal(400, "Parameter verification failed.", { filename: "wrong file extension" });
  }
}

function volumeOf({ cluster, at, params }: Call): {
  id: string;
  add: (bytes: number, sha256: string) => Volume;
} {
  const { lagMs } = cluster.storage(at["storage"]!);
  const content = params["content"]!;
  const id = `${at["storage"]}:${content}/${params["filename"]}`;
  return { id, add: (bytes, sha256) => cluster.addVolume(id, content, bytes, { sha256, lagMs }) };
}

function downloadUrl(call: Call): string {
  const { cluster, params, at, tokenId } = call;
  checkFile(call);
  const onNode = privilegesOn(cluster, tokenId, `/nodes/${at["node"]}`);
  const onRoot = privilegesOn(cluster, tokenId, "/");
  if (!onNode.has("Sys.AccessNetwork") && !(onRoot.has("Sys.Audit") && onRoot.has("Sys.Modify"))) {
    throw new Refusal(403, `Permission check failed (/nodes/${at["node"]}, Sys.AccessNetwork)`);
  }
  const { id, add } = volumeOf(call);
  return cluster.tasks.start(
    { node: at["node"]!, type: "download", id: params["filename"]!, user: tokenId },
    (task) => {
      const source = downloads.get(params["url"]!);
      task.log(`downloading ${params["url"]} to ${id}`);
      if (source === undefined) throw new Error("download failed: 404 Not Found");
      verify(params, source.sha256);
      const there = cluster.volumes.get(id);
      if (there !== undefined && there.sha256 !== source.sha256) {
        throw new Error(`refusing to override existing file '${id}'`);
      }
      if (there === undefined) add(source.bytes, source.sha256);
    },
  );
}

function upload(call: Call): string {
  const { cluster, params, at, tokenId, file } = call;
  if (file === undefined)
    throw new Refusal(400, "Parameter verification failed.", {
      filename: "property is missing and it is not optional",
    });
  params["filename"] = file.name;
  checkFile(call);
  const { add } = volumeOf(call);
  return cluster.tasks.start({ node: at["node"]!, type: "imgcopy", id: "", user: tokenId }, () => {
    verify(params, file.sha256);
    add(file.size, file.sha256);
  });
}

function verify(params: Record<string, string>, seen: string): void {
  const { checksum, "checksum-algorithm": algorithm } = params;
  if (algorithm === "sha256" && checksum !== seen) {
    throw new Error(`checksum mismatch: got '${seen}' != expect '${checksum}'`);
  }
}
