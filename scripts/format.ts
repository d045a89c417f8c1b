// Formats every file in place.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { formatNixFiles } from "./lib/nix.ts";
import { root } from "./lib/providers.ts";

const prettier = join(root, "node_modules", ".bin", "prettier");
process.exitCode =
  spawnSync(prettier, ["--write", "--log-level=warn", "."], { cwd: root, stdio: "inherit" }).status ?? 1;
formatNixFiles();
