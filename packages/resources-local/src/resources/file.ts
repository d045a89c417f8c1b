import {
  changeMode,
  overwriteFile,
  type ReadFile,
  readRegularFile,
  removeFile,
  replaceFile,
} from "@nixops4-providers/durable-log";
import {
  defineResource,
  ensureField,
  fields,
  ProviderError,
  Type,
  type Context,
  type Static,
  type Violation,
} from "@nixops4-providers/provider-sdk";
import docs from "./file.md";

const inputs = fields({
  name: Type.String({
    minLength: 1,
    localPath: true,
    description: "The path of the file. A relative path starts from the folder in which nixops4 runs.",
  }),
  contents: Type.Optional(
    Type.String({ description: "The contents of the file. Required unless `ensure` is `absent`." }),
  ),
  encoding: Type.Enum(["utf-8", "base64"], {
    default: "utf-8",
    description: "The encoding of `contents`: text, or base64 (RFC 4648 §4) for any bytes.",
  }),
  mode: Type.Optional(
    Type.String({
      pattern: "^[0-7]{3,4}$",
      patternError: "must be 3 or 4 octal digits, such as 0640",
      description:
        "The permissions in octal, such as `0640`. When not set, those of an existing file are kept, and a new " +
        "file gets what the umask leaves.",
    }),
  ),
  ensure: ensureField("the file"),
});

const outputs = fields({});

type Inputs = Static<typeof inputs>;

export const file = defineResource({
  type: "file",
  description:
    "A file on the machine that runs nixops4. It is replaced atomically: after a crash, the file has its old contents " +
    "or its new ones. A file with the right contents is not written. The owner, the access list (ACL) and the extended " +
    "attributes of an existing file are kept. The list is dropped, with a warning, if `mode` takes access away.",
  docs,
  stateful: false,
  inputs,
  outputs,
  check,
  async create({ inputs }, context) {
    if (inputs.ensure === "absent") await remove(inputs.name);
    else await write(inputs, context);
    return {};
  },
});

function check({ contents, encoding, ensure }: Inputs): Violation[] {
  if (ensure === "absent") return [];
  if (contents === undefined) return [{ path: "contents", message: "is required" }];
  if (encoding === "base64" && !isBase64(contents)) return [{ path: "contents", message: "is not base64" }];
  return [];
}

// The expressions match single characters, because a repeated group needs stack for each repetition in up to 64 MB.
function isBase64(text: string): boolean {
  const compact = text.replace(/\s/g, "");
  return compact.length % 4 === 0 && !/[^A-Za-z0-9+/]/.test(compact.replace(/={1,2}$/, ""));
}

async function write(inputs: Inputs, context: Context): Promise<void> {
  const { name } = inputs;
  const contents = Buffer.from(inputs.contents ?? "", inputs.encoding);
  const mode = inputs.mode === undefined ? undefined : Number.parseInt(inputs.mode, 8);
  const existing = await observe(name);
  try {
    if (existing === undefined || !existing.contents.equals(contents)) {
      await replaceOrOverwrite(name, contents, mode, existing !== undefined, context);
    } else if (mode !== undefined && mode !== (existing.stats.mode & 0o7777)) {
      await changeMode(name, mode, existing);
    }
  } catch (cause) {
    throw new ProviderError(`cannot write the file ${name}`, { cause });
  }
}

async function observe(name: string): Promise<ReadFile | undefined> {
  try {
    // Anything but a regular file (/dev/stderr, a pipe) has no contents to compare.
    return await readRegularFile(name);
  } catch {
    // The file does not exist or is not readable. If that is a problem, the write fails.
    return undefined;
  }
}

async function replaceOrOverwrite(
  name: string,
  contents: Buffer,
  mode: number | undefined,
  exists: boolean,
  context: Context,
): Promise<void> {
  try {
    const onAclLost = () => context.log.warn(`${name} was replaced: its access list (ACL) is gone`);
    await replaceFile(name, contents, { mode, onAclLost });
  } catch (error) {
    // A mount point, or a file in a folder without write permission, can only be written in place.
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (!exists || !["EACCES", "EPERM", "EROFS", "EBUSY", "EXDEV"].includes(code)) throw error;
    context.log.warn(
      `${name} cannot be replaced (${code}): writing it in place, which a crash can cut short`,
    );
    await overwriteFile(name, contents, mode);
  }
}

async function remove(name: string): Promise<void> {
  try {
    await removeFile(name);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new ProviderError(`cannot remove the file ${name}`, { cause });
  }
}
