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
        description: "A command that `sh` runs as root on the host. It must exit with code 0.",
      }),
    ),
    tcp: Type.Optional(
      fields(
        {
          host: Type.Optional(
            Type.String({
              minLength: 1,
              description: "The host to connect to. The default is the host of `connection`.",
            }),
          ),
          port: Type.Integer({ minimum: 1, maximum: 65535, description: "The TCP port." }),
        },
        { description: "A TCP connection from the deploying machine. The port must accept it." },
      ),
    ),
    http: Type.Optional(
      fields(
        {
          url: Type.String({
            pattern: "^https?://",
            patternError: "must begin with http:// or https://",
            description: "The URL of the GET request.",
          }),
          status: Type.Integer({
            minimum: 100,
            maximum: 599,
            default: 200,
            description: "The required status of the response. Redirects are not followed.",
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
      "`switch`: activate the system and make it the boot default. `boot`: only make it the boot default. `test`: only " +
      "activate it. `dry-activate`: show what an activation would do.",
  }),
  profile: Type.String({
    pattern: "^/[^\\n]+$",
    patternError: "must be an absolute path in one line",
    default: "/nix/var/nix/profiles/system",
    description: "The path of the profile on the host that gets a new generation (with `switch` and `boot`).",
  }),
  sudo: sudoField("every command on the host runs"),
  substituteOnDestination: substituteField,
  copyTimeoutSeconds: copyTimeoutField,
  rollback: fields(
    {
      enable: Type.Boolean({
        default: true,
        description:
          "Whether the host rolls back to its former system and generation when the activation fails or is not confirmed. " +
          "When `false`, a failed activation is left as it is.",
      }),
      confirmTimeoutSeconds: secondsField(
        "How many seconds after activation a new connection to the host and all health checks must have " +
          "succeeded.",
        { default: 60 },
      ),
    },
    { default: {}, description: "The rollback of a failed activation." },
  ),
  activationTimeoutSeconds: secondsField(
    "How many seconds `switch-to-configuration` may take. After that it is killed, and the activation has failed.",
    { default: 600 },
  ),
  lockTimeoutSeconds: secondsField("How many seconds to wait for another activation on the host to finish.", {
    default: 120,
    orZero: true,
  }),
  healthChecks: Type.Array(healthCheckSchema, {
    default: [],
    description:
      "Checks that must succeed after the activation and after a reboot. Each is exactly one of `command`, `tcp` and `http`, " +
      "and is retried until `rollback.confirmTimeoutSeconds` have passed.",
  }),
  reboot: Type.Enum(["never", "when-needed", "always"], {
    default: "never",
    description:
      "Whether to reboot the host into the new system. `when-needed`: if the kernel, initial ramdisk, kernel modules, kernel " +
      "parameters or systemd differ from those of the booted system, if `switch-to-configuration` requests it, or if a switch " +
      "inhibitor has changed (NixOS's `system.switch.inhibitors`); in the last case, `switch` acts as `boot` before the " +
      "reboot. `always`: if the host was booted with any other system. `never`: a changed switch inhibitor is an error.",
  }),
  rebootTimeoutSeconds: secondsField(
    "How many seconds a reboot may take until the user can log in again. An SSH server in its initial ramdisk, " +
      "where you enter a passphrase, does not count, whatever host key it has.",
    { default: 300 },
  ),
});

export const outputs = fields({
  generation: nullable(Type.Integer(), {
    description: "The number of the generation in the profile; `null` if the profile has another system.",
  }),
  previousToplevel: nullable(Type.String(), {
    description:
      "The store path of the system that this run replaced; `null` if there was none or nothing changed.",
  }),
  bootId: Type.String({ description: "The boot ID of the host, which changes at each boot." }),
  rebootNeeded: Type.Boolean({
    description:
      "Whether a part of the system, such as its kernel or a switch inhibitor, needs a reboot to take effect.",
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
