import {
  converge,
  defineResource,
  fields,
  nullable,
  Type,
  type Static,
  secondsField,
} from "@nixops4-providers/provider-sdk";
import { checkConnection, connectionSchema, readBootId, waitForSsh } from "@nixops4-providers/ssh-client";
import docs from "./wait.md";

const inputs = fields({
  connection: connectionSchema,
  timeoutSeconds: secondsField("After this many seconds without success the resource fails.", {
    default: 300,
  }),
});

const outputs = fields({
  hostPublicKey: Type.String({ description: "The pinned public key that the host presented." }),
  bootId: nullable(Type.String(), {
    description:
      "The boot ID of the host (`/proc/sys/kernel/random/boot_id`), which changes at each boot; `null` if the host has none.",
  }),
});

const BOOT_ID_SECONDS = 30;

export const wait = defineResource({
  type: "wait",
  description:
    "Waits until a user can log in to a host over SSH. A host that is down, is starting or does not know the key yet is retried " +
    "with growing pauses, which stay below OpenSSH's penalties. Of several members that wait for the same host with the " +
    "same key, only one retries, and the others follow after its login. A wrong host key is an error at once.",
  docs,
  stateful: false,
  inputs,
  outputs,
  check: ({ connection }: Static<typeof inputs>) => checkConnection(connection),
  ...converge<Static<typeof inputs>, Static<typeof outputs>>(async ({ inputs }, context) => {
    const { connection, timeoutSeconds } = inputs;
    const ssh = await waitForSsh(connection, context, { timeoutSeconds });
    try {
      const bootId = await readBootId(ssh, Math.min(timeoutSeconds, BOOT_ID_SECONDS));
      return { hostPublicKey: ssh.hostPublicKey, bootId };
    } finally {
      ssh.end();
    }
  }),
});
