// Generates packages/boot-api/src/generated: messages.js by pbjs, and our own types and table of methods, since in the
// types by pbts every field is optional.
import { join } from "node:path";
import { promisify } from "node:util";
import protobufjsCli from "protobufjs-cli";
import { root } from "./providers.ts";

const source = join(root, "proto", "boot.proto");
const pbjs = promisify(protobufjsCli.pbjs.main);
const heading = "// Generated from proto/boot.proto by `npm run gen`.\n";

/** The JSON output of pbjs, as far as proto/boot.proto uses it. */
interface Namespace {
  nested: Record<string, Namespace | Message | Enum | Service>;
}
interface Message {
  fields: Record<string, Field>;
  oneofs?: Record<string, { oneof: string[] }>;
}
interface Field {
  type: string;
  rule?: "repeated";
}
interface Enum {
  values: Record<string, number>;
}
interface Service {
  methods: Record<
    string,
    { requestType: string; responseType: string; requestStream?: true; responseStream?: true }
  >;
}

/** Returns the text of each generated file by its name. */
export async function protoFiles(): Promise<Record<string, string>> {
  const tree = JSON.parse(await run("--target=json")) as Namespace;
  const messages = await run(
    "--target=static-module",
    "--wrap=esm",
    "--root=nixops4-boot",
    "--force-number",
    ...["create", "verify", "delimited", "typeurl", "service", "comments"].map((part) => `--no-${part}`),
  );
  return {
    "messages.js": heading + messages,
    "messages.d.ts": heading + declarations(tree),
    "service.ts": heading + serviceDefinition(tree),
  };
}

async function run(...options: string[]): Promise<string> {
  return (await pbjs([...options, source])) ?? "";
}

function declarations(tree: Namespace): string {
  const { path, members } = innermost(tree);
  const types: string[] = [];
  const codecs: string[] = [];
  for (const [name, member] of Object.entries(members)) {
    if ("values" in member) {
      types.push(`export type ${name} = ${Object.keys(member.values).map(quote).join(" | ")};\n`);
    } else if ("fields" in member) {
      types.push(`export interface ${name} {\n${fields(member, members)}}\n`);
      codecs.push(`  ${name}: MessageType<${name}>;`);
    }
  }
  const [outermost, ...rest] = path;
  const namespace = rest.reduceRight((inner, name) => `{ ${name}: ${inner} }`, `{\n${codecs.join("\n")}\n}`);
  return `import type { MessageType } from "../message-type.ts";
${types.join("\n")}
export declare const ${outermost}: ${namespace};
`;
}

/** Renders the fields as `toObject` with defaults returns them: only a field of a oneof can be missing. */
function fields({ fields, oneofs = {} }: Message, members: Namespace["nested"]): string {
  const alternatives = new Set(Object.values(oneofs).flatMap(({ oneof }) => oneof));
  const lines = Object.entries(fields).map(([name, { type, rule }]) => {
    const single = scalars[type] ?? type;
    if (rule === "repeated") return `  ${name}: ${single}[];\n`;
    if (alternatives.has(name)) return `  ${name}?: ${single} | undefined;\n`;
    return "fields" in (members[type] ?? {}) ? `  ${name}: ${single} | null;\n` : `  ${name}: ${single};\n`;
  });
  return lines.join("");
}

const scalars: Record<string, string> = {
  bool: "boolean",
  bytes: "Uint8Array",
  double: "number",
  string: "string",
  uint32: "number",
  uint64: "number",
};

function serviceDefinition(tree: Namespace): string {
  const { path, members } = innermost(tree);
  const services = Object.entries(members).flatMap(([name, member]) =>
    "methods" in member ? [{ name, methods: Object.entries(member.methods) }] : [],
  );
  const definitions = services.map(({ name, methods }) => {
    const lines = methods.map(([method, { requestType, responseType, ...streams }]) => {
      const types = `messages.${requestType}, messages.${responseType}`;
      const { requestStream = false, responseStream = false } = streams;
      const url = `/${[...path, name].join(".")}/${method}`;
      return `  ${lowerFirst(method)}: defineMethod(${quote(url)}, ${requestStream}, ${responseStream}, ${types}),`;
    });
    return `export const ${lowerFirst(name)}Definition = {\n${lines.join("\n")}\n};\n`;
  });
  return `import { defineMethod } from "../message-type.ts";
import { ${path[0]} } from "./messages.js";
const messages = ${path.join(".")};
${definitions.join("\n")}`;
}

/** Returns the members of the protobuf package, which are inside of a namespace for each part of its name. */
function innermost(tree: Namespace, path: string[] = []): { path: string[]; members: Namespace["nested"] } {
  const [[name, only] = [], ...others] = Object.entries(tree.nested);
  if (name === undefined || only === undefined || others.length > 0 || !("nested" in only)) {
    return { path, members: tree.nested };
  }
  return innermost(only, [...path, name]);
}

function lowerFirst(name: string): string {
  return name[0]!.toLowerCase() + name.slice(1);
}

function quote(text: string): string {
  return JSON.stringify(text);
}
