import { existsSync } from "node:fs";
import { join } from "node:path";

const bin = process.env["NIXOPS4_UPSTREAM_BIN"] ?? "";
const PROGRAMS = ["nixops4", "nixops4-eval", "nixops4-resources-local"];

/** Why the real nixops4 cannot run here; empty when it can. */
export const nixops4Missing =
  bin !== "" && PROGRAMS.every((name) => existsSync(join(bin, name)))
    ? ""
    : `NIXOPS4_UPSTREAM_BIN, a folder with ${PROGRAMS.join(", ")}`;

export const nixops4Program = join(bin, "nixops4");
export const upstreamProvider = join(bin, "nixops4-resources-local");

/** Returns the environment of a nixops4 with its own Nix store in `folder`. */
export function nixops4Environment(folder: string): NodeJS.ProcessEnv {
  const { NIX_REMOTE: _, NODE_OPTIONS: __, ...inherited } = process.env;
  return {
    ...inherited,
    RUST_BACKTRACE: "0",
    _NIXOPS4_EVAL: join(bin, "nixops4-eval"),
    NIX_CONFIG: "experimental-features = nix-command flakes",
    NIX_STORE_DIR: join(folder, "nix/store"),
    NIX_STATE_DIR: join(folder, "nix/var"),
    NIX_LOG_DIR: join(folder, "nix/log"),
    NIX_CONF_DIR: folder,
  };
}
