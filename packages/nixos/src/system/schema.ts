import {
  fields,
  hostProblem,
  nullable,
  Type,
  type Static,
  type Violation,
  secondsField,
  sudoField,
} from "@nixops4-providers/provider-sdk";
import { checkConnection, connectionSchema } from "@nixops4-providers/ssh-client";
import { copyTimeoutField, substituteField } from "../common-fields.ts";
import { checkStorePath } from "../store-path.ts";

const healthCheckSchema = fields(
  {
    command: Type.Optional(
      Type.String({
        minLength: 1,
        description: "A command for `sh` on the host, as root, which must end with exit code 0.",
      }),
    ),
    tcp: Type.Optional(
      fields(
        {
          host: Type.Optional(
            Type.String({ minLength: 1, description: "When not set, the host of `connection`." }),
          ),
          port: Type.Integer({ minimum: 1, maximum: 65535, description: "The port that must accept." }),
        },
        { description: "A TCP connection from the deploying machine, which must be accepted." },
      ),
    ),
    http: Type.Optional(
      fields(
        {
          url: Type.String({
            pattern: "^https?://",
            patternError: "must begin with http:// or https://",
            description: "What is asked for, with GET.",
          }),
          status: Type.Integer({
            minimum: 100,
            maximum: 599,
            default: 200,
            description: "The status that the answer must have. Redirections are not followed.",
          }),
        },
        { description: "An HTTP request from the deploying machine." },
      ),
    ),
    timeoutSeconds: secondsField("How many seconds one attempt may take.", { default: 10 }),
  },
  { title: "HealthCheck" },
);

export const inputs = fields({
  connection: connectionSchema,
  toplevel: Type.String({
    description:
      "The store path of the NixOS system (`config.system.build.toplevel`), built on the deploying machine or " +
      "already on the host.",
  }),
  action: Type.Enum(["switch", "boot", "test", "dry-activate"], {
    default: "switch",
    description:
      "`switch`: activate, and boot into it from now on. `boot`: boot into it from now on, change nothing now. " +
      "`test`: activate, but boot into what was booted before. `dry-activate`: show what would be done.",
  }),
  profile: Type.String({
    pattern: "^/[^\\n]+$",
    patternError: "must be an absolute path in one line",
    default: "/nix/var/nix/profiles/system",
    description: "The path of the profile that gets a new generation (`switch` and `boot`).",
  }),
  sudo: sudoField("what is done on the host runs"),
  substituteOnDestination: substituteField,
  copyTimeoutSeconds: copyTimeoutField,
  rollback: fields(
    {
      enable: Type.Boolean({
        default: true,
        description:
          "Whether the host by itself goes back to the exact system and generation that it had when activation " +
          "fails or is not confirmed. When `false`, a failed activation leaves things as they are.",
      }),
      confirmTimeoutSeconds: secondsField(
        "How many seconds after activation a new connection to the host and all health checks must have " +
          "succeeded.",
        { default: 60 },
      ),
    },
    { default: {}, description: "What follows a bad activation." },
  ),
  activationTimeoutSeconds: secondsField(
    "How many seconds `switch-to-configuration` may take; then it is ended, which is a failure.",
    { default: 600 },
  ),
  lockTimeoutSeconds: secondsField("How many seconds to wait for another activation on the host to finish.", {
    default: 120,
    orZero: true,
  }),
  healthChecks: Type.Array(healthCheckSchema, {
    default: [],
    description:
      "What must hold after activation, and after a reboot. Each is one of `command`, `tcp` and `http`, and is " +
      "tried again until `rollback.confirmTimeoutSeconds` are over.",
  }),
  reboot: Type.Enum(["never", "when-needed", "always"], {
    default: "never",
    description:
      "Whether to reboot the host into the new system. `when-needed`: if the booted system has another kernel, initial " +
      "ramdisk, kernel modules, kernel parameters or systemd, if `switch-to-configuration` asks for it, or if a switch " +
      "inhibitor has changed (NixOS's `system.switch.inhibitors`): then `switch` does what `boot` does before the " +
      "reboot. `always`: if the host was booted with any other system. `never`: a changed switch inhibitor is an error.",
  }),
  rebootTimeoutSeconds: secondsField(
    "How many seconds a reboot may take until the host lets the user in again. An SSH server in its initial ramdisk, " +
      "where you enter a passphrase, does not count, whatever host key it has.",
    { default: 300 },
  ),
});

export const outputs = fields({
  generation: nullable(Type.Integer(), {
    description: "The generation of the profile that is this system; `null` when the profile is another one.",
  }),
  previousToplevel: nullable(Type.String(), {
    description: "The system that this run replaced; `null` when there was none or nothing had to be done.",
  }),
  bootId: Type.String({ description: "Changes with each boot of the host." }),
  rebootNeeded: Type.Boolean({
    description: "Whether parts of the system, such as its kernel or a switch inhibitor, wait for a reboot.",
  }),
});

export type HealthCheck = Static<typeof healthCheckSchema>;
export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;

/** What the schema cannot say. */
export function check({ connection, toplevel, action, healthChecks, reboot }: Inputs): Violation[] {
  const violations = [...checkConnection(connection), ...checkStorePath(toplevel, "toplevel")];
  for (const [index, { command, tcp, http }] of healthChecks.entries()) {
    if ([command, tcp, http].filter((kind) => kind !== undefined).length !== 1) {
      violations.push({
        path: `healthChecks[${index}]`,
        message: "must have exactly one of command, tcp, http",
      });
    }
    const problem = tcp?.host === undefined ? undefined : hostProblem(tcp.host);
    if (problem !== undefined) violations.push({ path: `healthChecks[${index}].tcp.host`, message: problem });
  }
  if (reboot !== "never" && action !== "switch" && action !== "boot") {
    violations.push({
      path: "reboot",
      message: `must be never with the action ${action}: the host would boot into another system`,
    });
  }
  return violations;
}
