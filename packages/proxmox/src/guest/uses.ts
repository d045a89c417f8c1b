/** What must exist on a node. `path` is the input that names it. */
export interface Uses {
  storages?: readonly { storage: string; content: string; path: string }[];
  bridges?: readonly { bridge: string; path: string }[];
  volumes?: readonly { volume: string; path: string }[];
}

type FileUses = Required<Pick<Uses, "storages" | "volumes">>;

/** What a file on a storage needs: the storage with this content, and the file. */
export function usesOfFile(volume: string, content: string, path: string): FileUses {
  return { storages: [{ storage: volume.split(":")[0] ?? "", content, path }], volumes: [{ volume, path }] };
}
