import {
  converge,
  defineResource,
  ensureField,
  fields,
  nullable,
  secretRef,
  Type,
  type Context,
  type Static,
  type Violation,
  secondsField,
  sudoField,
} from "@nixops4-providers/provider-sdk";
import {
  checkConnection,
  connectionSchema,
  runScript,
  type SshConnection,
  withConnection,
} from "@nixops4-providers/ssh-client";
import { type Contents, readContents } from "../contents.ts";
import { OBSERVE, REMOVE, REPLACE, SET_ATTRIBUTES } from "../file/scripts.ts";
import { hasAttributes, type Observed, parseObserved, wantedAttributes } from "../file/attributes.ts";
import docs from "./file.md";

// Directories have names such as `alice@example.com`, `EXAMPLE\alice` and `domain users`.
const NAME = "^[^-+:/ \n]([^:/\n]*[^:/ \n])?$";
const NAME_ERROR = "must be the name or number of a user or group";

const inputs = fields({
  connection: connectionSchema,
  path: Type.String({
    pattern: "^/.*[^/]$",
    patternError: "must be an absolute path of a file, such as /etc/motd",
    description:
      "The absolute path of the file on the host. Its folder must exist. A symbolic link is followed, except that " +
      "`absent` removes the link itself.",
  }),
  contents: Type.Optional(
    Type.String({
      description: "The contents of the file. Exactly one of `contents`, `source` and `secret` is required.",
    }),
  ),
  source: Type.Optional(
    Type.String({
      minLength: 1,
      localPath: true,
      description:
        "A file on the deploying machine with the contents. A relative path starts from the folder in which nixops4 runs.",
    }),
  ),
  secret: Type.Optional(
    secretRef(
      "The contents of the file, as a secret: they are kept out of logs, errors and command lines on both machines.",
    ),
  ),
  mode: Type.Optional(
    Type.String({
      pattern: "^[0-7]{3,4}$",
      patternError: "must be 3 or 4 octal digits, such as 0640",
      description: "The permissions in octal, such as `0640`. When not set `0644`, for a `secret` `0600`.",
    }),
  ),
  owner: Type.Optional(
    Type.String({
      pattern: NAME,
      patternError: NAME_ERROR,
      description:
        "The name or number of the user that the file belongs to. When not set, an existing file keeps its owner, " +
        "and a new one belongs to the user who logs in (to root with `sudo`).",
    }),
  ),
  group: Type.Optional(
    Type.String({
      pattern: NAME,
      patternError: NAME_ERROR,
      description: "The name or number of the group of the file, with the same defaults as `owner`.",
    }),
  ),
  sudo: sudoField("the file is written"),
  ensure: ensureField("the file"),
  timeoutSeconds: secondsField("How many seconds sending the file may take.", { default: 600 }),
});

const outputs = fields({
  sha256: nullable(Type.String(), {
    description:
      "The SHA-256 hash of the contents in hex; `null` with `absent`. A secret that is short or easy to guess can be " +
      "derived from it.",
  }),
});

type Inputs = Static<typeof inputs>;

export const file = defineResource({
  type: "file",
  description:
    "A file on a host. It is replaced atomically, with its mode and owner: if the host or the connection fails, the file is " +
    "either the old one or the new one. A file that is already as wanted is not written. The access list (ACL) and the " +
    "extended attributes are kept if the host has GNU coreutils, unless the new mode or owner revokes access; a lost access " +
    "list gives a warning. The host needs `sh` and coreutils, or busybox.",
  docs,
  stateful: false,
  inputs,
  outputs,
  check,
  ...converge<Inputs, Static<typeof outputs>>(async ({ inputs }, context) => {
    if (inputs.ensure === "absent") {
      await withConnection(inputs.connection, context, (ssh) => remove(ssh, inputs));
      return { sha256: null };
    }
    const contents = await readContents(inputs, context);
    await withConnection(inputs.connection, context, (ssh) => write(ssh, inputs, contents, context));
    return { sha256: contents.sha256 };
  }),
});

function check({ connection, path, owner, group, contents, source, secret, ensure }: Inputs): Violation[] {
  const violations = checkConnection(connection);
  for (const [field, value] of Object.entries({ path, owner, group })) {
    if (value === undefined || !/[\0\n]/.test(value)) continue;
    violations.push({ path: field, message: "must not contain newlines and NUL characters" });
  }
  const given = [contents, source, secret].filter((one) => one !== undefined).length;
  if (given > 1 || (given === 0 && ensure === "present")) {
    violations.push({ path: "", message: "exactly one of contents, source and secret is required" });
  }
  return violations;
}

async function write(
  ssh: SshConnection,
  inputs: Inputs,
  contents: Contents,
  context: Context,
): Promise<void> {
  const existing = await observe(ssh, inputs);
  const wanted = wantedAttributes(inputs, existing);
  if (existing?.sha256 !== contents.sha256) {
    const progress = context.progress(`writing ${inputs.path} on ${ssh.label}`);
    const args = [wanted.mode, wanted.owner, wanted.group, ...(await temporaryName(inputs))];
    const warning = await run(ssh, inputs, REPLACE, ["", ...args], contents).finally(() => progress.done());
    if (warning !== "") context.log.warn(`${inputs.path} on ${ssh.label} was replaced: ${warning.trim()}`);
  } else if (!hasAttributes(existing, wanted)) {
    context.log.info(`setting the mode and owner of ${inputs.path} on ${ssh.label}`);
    await run(ssh, inputs, SET_ATTRIBUTES, ["", wanted.mode, wanted.owner, wanted.group]);
  }
}

async function remove(ssh: SshConnection, inputs: Inputs): Promise<void> {
  await run(ssh, inputs, REMOVE, ["link"]);
}

/** `undefined` when there is no file. */
async function observe(ssh: SshConnection, inputs: Inputs): Promise<Observed | undefined> {
  return parseObserved(await run(ssh, inputs, OBSERVE, [""]));
}

async function run(
  ssh: SshConnection,
  { path, owner = "", ensure, sudo, timeoutSeconds }: Inputs,
  script: string,
  args: readonly string[],
  contents?: Contents,
): Promise<string> {
  const doing = `${ensure === "absent" ? "remove" : "write"} the file ${path}`;
  const { Readable } = await import("node:stream");
  const { stdout } = await runScript(ssh, {
    script,
    args: [path, owner, ...args],
    sudo,
    timeoutSeconds,
    doing,
    // The hash of a secret must not be on a command line either.
    env: contents && { sha256: contents.sha256 },
    stdin: contents && Readable.from(contents.open()),
  });
  return stdout.toString("utf8");
}

/** Returns a prefix that is the same for each run, to find leftovers by, and a random suffix. */
async function temporaryName({ path }: Inputs): Promise<[string, string]> {
  const { createHash, randomBytes } = await import("node:crypto");
  const start = `.nixops4-${createHash("sha256").update(path).digest("hex").slice(0, 16)}`;
  return [start, randomBytes(16).toString("hex")];
}
