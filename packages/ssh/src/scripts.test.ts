import { expect, it } from "@jest/globals";
import { complaintsAbout, hasShellcheck } from "@nixops4-providers/test-servers";
import exists from "./exec/scripts/exists.sh";
import run from "./exec/scripts/run.sh";
import succeeds from "./exec/scripts/succeeds.sh";
import * as file from "./file/scripts.ts";
import * as hostKey from "./host-key/scripts.ts";

const GROUPS: Record<string, Record<string, string>> = { exec: { exists, run, succeeds }, file, hostKey };

(hasShellcheck ? it : it.skip).each(Object.entries(GROUPS))(
  "shells and shellcheck (skipped where it is not installed) have nothing against the scripts of %s",
  (_, scripts) => expect(complaintsAbout(scripts)).toBe(""),
  60_000,
);
