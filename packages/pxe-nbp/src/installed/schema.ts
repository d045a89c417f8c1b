import {
  fields,
  nullable,
  Type,
  type Static,
  type Violation,
  secondsField,
} from "@nixops4-providers/provider-sdk";
import { gcRootsField } from "../gc-roots.ts";
import { checkServer, serverSchema } from "../server.ts";

export const inputs = fields({
  server: serverSchema,
  entryId: Type.String({
    minLength: 1,
    description: "The id of the entry: the output `entryId` of `boot_entry`.",
  }),
  installGeneration: Type.Integer({
    minimum: 1,
    default: 1,
    description: "The generation to wait for. A higher one is accepted, too. Set it as in `boot_entry`.",
  }),
  gcRootsFolder: gcRootsField(
    "The same folder as in `boot_entry`. The links of the entry are removed when the machine is installed.",
  ),
  hardwareReport: Type.Boolean({
    default: false,
    description:
      "Whether the output `hardwareReport` is set. nixops4 prints outputs, and a report has some 100 KB.",
  }),
  hardwareReportFile: Type.Optional(
    Type.String({
      pattern: "^/.*[^/]$",
      patternError: "must be an absolute path of a file",
      description:
        "A file on the machine that runs nixops4, as an absolute path, for the report on the machine's hardware: what " +
        "`hardware.facter.reportPath` of NixOS takes. Its folder must exist.",
    }),
  ),
  timeoutSeconds: secondsField(
    "How many seconds to wait: for the machine to be turned on, and for the install.",
    { default: 3600 },
  ),
});

export const outputs = fields({
  installedAt: Type.String({
    description: "When the machine reported that it is installed (ISO 8601, UTC).",
  }),
  report: nullable(
    fields({
      stage: Type.String({ description: "The last stage." }),
      message: Type.String({ description: "The message of the installer." }),
      log: Type.Array(Type.String(), { description: "The last lines of the installer's log." }),
    }),
    {
      description: "The machine's last report; `null` when it was installed as another entry.",
    },
  ),
  hardwareReport: nullable(
    Type.String({
      description:
        "What hardware the installer has found, as JSON in the format of nixos-facter: what " +
        "`hardware.facter.report` of NixOS takes, by `builtins.fromJSON`.",
    }),
    {
      description:
        "`null` unless the input `hardwareReport` is set, or when the installer has not reported any.",
    },
  ),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

export function check({ server }: Inputs): Violation[] {
  return checkServer(server);
}
