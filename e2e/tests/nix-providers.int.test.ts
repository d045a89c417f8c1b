import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { describe, expect, it, jest } from "@jest/globals";
import { type JsonSchema, takesExactlyOne } from "@nixops4-providers/provider-sdk";
import { limitConcurrency } from "../harness/limit-concurrency.ts";
import { evaluateNix, toNix } from "../harness/index.ts";
import { deployment, evaluate, moduleSystemsMissing, root, withModules } from "./nix-sources.ts";

// Each test evaluates a whole deployment, some of them many times.
jest.setTimeout(300_000);

interface Manifest {
  description: string;
  resourceTypes: Record<
    string,
    { description: string; requireState: boolean; inputs: JsonSchema; outputs: JsonSchema }
  >;
}

const suite = moduleSystemsMissing === "" ? describe : describe.skip;
const limit = limitConcurrency(availableParallelism());
const none = new Map<string, never>();
const folder = join(root, "nix/providers");
const manifests = readdirSync(folder).map((file) => {
  const manifest = JSON.parse(readFileSync(join(folder, file), "utf8")) as Manifest;
  return { ...manifest, module: basename(file, ".json") };
});
const resourceTypes = manifests.flatMap(({ module, resourceTypes }) =>
  Object.entries(resourceTypes).map(([type, resource]) => ({ module, type, ...resource })),
);

/** Returns a value that a schema allows, with all optional fields. */
function allowed(schema: JsonSchema): unknown {
  if (schema.enum !== undefined) return schema.enum[0];
  if (schema.anyOf !== undefined) return allowed(schema.anyOf[0]!);
  switch (schema.type) {
    case "string":
      return patterns.find((text) => new RegExp(schema.pattern ?? "").test(text));
    case "integer":
    case "number":
      return schema.minimum ?? (schema.exclusiveMinimum === undefined ? 7 : schema.exclusiveMinimum + 1);
    case "boolean":
      return true;
    case "array":
      return [allowed(schema.items!)];
    case "object": {
      if (schema.patternProperties !== undefined)
        return { "/name": allowed(Object.values(schema.patternProperties)[0]!) };
      const fields = Object.entries(schema.properties ?? {});
      const chosen = takesExactlyOne(schema) ? fields.slice(0, 1) : fields;
      return Object.fromEntries(chosen.map(([name, field]) => [name, allowed(field)]));
    }
    case undefined:
    default:
      return { any: ["thing", null] };
  }
}

/** Texts that match the patterns of the schemas. */
const patterns = [
  "/etc/key.pub",
  "text",
  "0644",
  "/absolute/path",
  "https://example.org/",
  "root@10.0.0.11",
  `${"A".repeat(43)}=`,
  "deploy@pve!nixops4",
  Array.from({ length: 32 }, () => "AB").join(":"),
  "-----BEGIN CERTIFICATE-----",
  "BC:24:11:00:00:01",
  "32G",
  "net0",
  "scsi0",
  "ide0",
  "local:iso/debian.iso",
  "dhcp",
  "192.0.2.1",
  "2001:db8::1",
  "debian.iso",
  "0".repeat(64),
];

interface Mistake {
  what: string;
  value: unknown;
  /** The innermost option with its own type. */
  option: string;
}

/** Returns values that a schema does not allow, each with one mistake. */
function mistakes(schema: JsonSchema, option: string, seen: Set<string>): Mistake[] {
  // A schema with a title is a separate type, which is tested once.
  if (schema.title !== undefined) {
    if (seen.has(schema.title)) return [];
    seen.add(schema.title);
  }
  const mistake = (what: string, value: unknown) => ({ what, value, option });
  if (schema.enum !== undefined) return [mistake("no such choice", "no-such-choice")];
  if (schema.anyOf !== undefined) return [mistake("none of them", { nothing: [] })];
  switch (schema.type) {
    case "string":
      return [
        mistake("no text", 7),
        ...(schema.pattern === undefined ? [] : [mistake("not of the pattern", "\n")]),
        ...((schema.minLength ?? 0) > 0 ? [mistake("empty", "")] : []),
      ];
    case "integer":
    case "number":
      return [
        mistake("no number", "7"),
        ...(schema.type === "integer" ? [mistake("a fraction", 7.5)] : []),
        ...(schema.minimum === undefined ? [] : [mistake("too small", schema.minimum - 1)]),
        ...(schema.exclusiveMinimum === undefined ? [] : [mistake("too small", schema.exclusiveMinimum)]),
        ...(schema.maximum === undefined ? [] : [mistake("too large", schema.maximum + 1)]),
      ];
    case "boolean":
      return [mistake("no boolean", "true")];
    case "array":
      return [
        mistake("no list", "text"),
        ...((schema.minItems ?? 0) > 0 ? [mistake("an empty list", [])] : []),
        ...mistakes(schema.items!, `${option}."[definition 1-entry 1]"`, seen).map((inner) => ({
          ...inner,
          value: [inner.value],
        })),
      ];
    case "object": {
      if (schema.patternProperties !== undefined) {
        return mistakes(Object.values(schema.patternProperties)[0]!, `${option}."/name"`, seen).map(
          (inner) => ({
            ...inner,
            value: { "/name": inner.value },
          }),
        );
      }
      const whole = allowed(schema) as Record<string, unknown>;
      const fields = Object.entries(schema.properties ?? {});
      if (takesExactlyOne(schema)) {
        const both = Object.fromEntries(fields.slice(0, 2).map(([name, field]) => [name, allowed(field)]));
        return [mistake("two of them", both), mistake("none of them", {})];
      }
      return [
        { what: "an unknown field", value: { ...whole, nosuchfield: 1 }, option: `${option}.nosuchfield` },
        ...fields.flatMap(([name, field]) => [
          ...mistakes(field, `${option}.${name}`, seen).map((inner) => ({
            ...inner,
            value: { ...whole, [name]: inner.value },
          })),
          ...(schema.required?.includes(name) === true && field.default === undefined
            ? [{ what: "missing", value: without(whole, name), option: `${option}.${name}` }]
            : []),
        ]),
      ];
    }
    case undefined:
    default:
      return [];
  }
}

function without(object: Record<string, unknown>, name: string): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([each]) => each !== name));
}

async function refusalOf(module: string): Promise<string> {
  const inputs = `((root (${module})).rootFunction {
    resourceProviderSystem = "x86_64-linux";
    outputValues = { };
  }).members.it.resource.inputs`;
  return evaluateNix(withModules(inputs)).then(JSON.stringify, (error: Error) => error.message);
}

const member = (module: string, type: string, inputs: unknown) =>
  `{ members, providers, ... }: {
    providers.it = self.modules.nixops4Provider.${module};
    providers.local = self.modules.nixops4Provider.local;
    members.state = { type = providers.local.state_file; inputs.name = "state.json"; };
    members.it = { type = providers.it.${type}; state = members.state; inputs = ${toNix(inputs)}; };
  }`;

suite(`the provider modules${moduleSystemsMissing}`, () => {
  it.each(manifests)("of $module is rendered by nixops4's renderProviderDocs", async (manifest) => {
    const pages = await evaluateNix<string>(withModules(`providerDocs "${manifest.module}"`));
    expect(pages).toContain(manifest.description);
    for (const [type, { description, inputs }] of Object.entries(manifest.resourceTypes)) {
      expect(pages).toContain(`# ${type}\n`);
      expect(pages).toContain(description);
      for (const [name, field] of Object.entries(inputs.properties ?? {})) {
        expect(pages).toContain(`"name":"inputs.${name}"`);
        expect(pages).toContain(JSON.stringify(field.description));
      }
    }
  });

  describe.each(resourceTypes)("$module $type", ({ module, type, requireState, inputs, outputs }) => {
    it("accepts every field, and passes on values that the provider accepts", async () => {
      const all = allowed(inputs) as Record<string, unknown>;
      const evaluator = deployment(member(module, type, all));
      expect(await evaluator.resourceInfo(["it"], none)).toMatchObject({
        value: {
          provider: {
            executable: join(root, `dist/bin/nixops4-resources-${module}`),
            args: [],
            type: "stdio",
          },
          type,
          inputNames: Object.keys(inputs.properties ?? {}).toSorted(),
        },
      });
      for (const [name, value] of Object.entries(all)) {
        expect(await evaluator.input(["it"], name, none)).toEqual({ value });
      }
    });

    it("sets the defaults, and null for optional inputs", async () => {
      const required = Object.entries(inputs.properties ?? {}).filter(
        ([name, field]) => field.default === undefined && inputs.required?.includes(name) === true,
      );
      const evaluator = deployment(
        member(module, type, Object.fromEntries(required.map(([name, field]) => [name, allowed(field)]))),
      );
      for (const [name, field] of Object.entries(inputs.properties ?? {})) {
        if (required.some(([each]) => each === name)) continue;
        const step = await evaluator.input(["it"], name, none);
        const isObject = typeof field.default === "object" && !Array.isArray(field.default);
        if (field.default !== undefined && isObject)
          expect(step).toMatchObject({ value: field.default ?? {} });
        else expect(step).toEqual({ value: field.default ?? null });
      }
    });

    it("declares the outputs, and whether the type needs a state", async () => {
      const evaluator = evaluate(`{ rootFunction = arguments: {
        members.it.resource.inputs = {
          outputs = builtins.attrNames ((root (${member(module, type, {})})).rootFunction
            (arguments // { outputValues = { }; })).members.it.resource.outputsSkeleton;
        };
      }; }`);
      expect(await evaluator.input(["it"], "outputs", none)).toEqual({
        value: Object.keys(outputs.properties ?? {}).toSorted(),
      });
      const stateless = deployment(member(module, type, {}).replace("state = members.state;", ""));
      const info = stateless.resourceInfo(["it"], none);
      if (requireState) await expect(info).rejects.toThrow("members.it.state has not been defined");
      else expect(await info).toMatchObject({ value: { state: undefined } });
    });

    it("refuses every mistake with the name of the option", async () => {
      const wrong = mistakes(inputs, "members.it.inputs", new Set());
      expect(wrong.length).toBeGreaterThan(1);
      const problems = await Promise.all(
        wrong.map(async ({ what, value, option }) => {
          const message = await limit(() => refusalOf(member(module, type, value)));
          return message.includes(`\`${option}`) ? [] : [`${option}: ${what}: ${message}`];
        }),
      );
      expect(problems.flat()).toEqual([]);
    });
  });
});
