import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Parameters } from "./request.ts";

interface Field {
  type?: string;
  optional?: number;
  enum?: string[] | null;
  pattern?: string;
  minimum?: number | string;
  maximum?: number | string;
  minLength?: number;
  maxLength?: number;
  requires?: string;
  format?: string | Record<string, SubField>;
}

interface SubField extends Field {
  default_key?: number;
  alias?: string;
  keyAlias?: string;
}

interface Method {
  parameters: { additionalProperties?: number; properties?: Record<string, Field> };
}

const path =
  process.env["PVE_API_SCHEMA"] ??
  join(import.meta.dirname, "../../../../../shared/data/pve-api-schema.json");

type Paths = Record<string, Record<string, Method>>;
const paths = existsSync(path)
  ? (JSON.parse(readFileSync(path, "utf8")) as { paths: Paths }).paths
  : undefined;

/** Whether the official schema is available. */
export const hasOfficialSchema = paths !== undefined;

const templates = Object.keys(paths ?? {}).map((template) => ({
  template,
  // Only a volume ID contains slashes.
  regex: new RegExp(`^${template.replaceAll("{volume}", "(.+)").replaceAll(/\{\w+\}/g, "([^/]+)")}$`),
  names: [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!),
}));

/** Returns the violations of the official schema: field → message. Empty without the schema. */
export function schemaViolations(method: string, path: string, given: Parameters): Record<string, string> {
  if (paths === undefined) return {};
  const found = templates.find(
    ({ template, regex }) => regex.test(path) && paths[template]?.[method] !== undefined,
  );
  if (found === undefined) return { "": `no method ${method} ${path}` };
  const values = found.regex.exec(path)!.slice(1).map(decodeURIComponent);
  const inPath = Object.fromEntries(found.names.map((name, index) => [name, values[index]!]));
  const { properties = {} } = paths[found.template]![method]!.parameters;
  return checkFields(properties, { ...given, ...inPath });
}

function checkFields(properties: Record<string, Field>, given: Parameters): Record<string, string> {
  const violations: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    const field = properties[name] ?? properties[name.replace(/\d+$/, "[n]")];
    const message =
      field === undefined
        ? "property is not defined in schema and the schema does not allow additional properties"
        : (checkField(field, value) ?? missingCompanion(field, given));
    if (message !== undefined) violations[name] = message;
  }
  for (const [name, field] of Object.entries(properties)) {
    if (field.optional !== 1 && !name.endsWith("[n]") && !(name in given)) {
      violations[name] = "property is missing and it is not optional";
    }
  }
  return violations;
}

function missingCompanion({ requires }: Field, given: Parameters): string | undefined {
  return requires !== undefined && !(requires in given) ? `missing property - ${requires}` : undefined;
}

function checkField(field: Field, value: string): string | undefined {
  return checkType(field, value) ?? checkLimits(field, value) ?? checkFormat(field, value);
}

function checkType({ type }: Field, value: string): string | undefined {
  if (type === "integer" && !/^-?\d+$/.test(value))
    return "type check ('integer') failed - got '" + value + "'";
  if (type === "number" && !/^-?\d+(\.\d+)?$/.test(value))
    return "type check ('number') failed - got '" + value + "'";
  if (type === "boolean" && !/^(0|1|on|off|yes|no|true|false)$/i.test(value)) {
    return `type check ('boolean') failed - got '${value}'`;
  }
  return undefined;
}

function checkLimits(field: Field, value: string): string | undefined {
  const { minimum, maximum, minLength, maxLength, pattern } = field;
  if (Array.isArray(field.enum) && !field.enum.includes(value)) {
    return `value '${value}' does not have a value in the enumeration '${field.enum.join(", ")}'`;
  }
  if (minimum !== undefined && Number(value) < Number(minimum))
    return `value must have a minimum of ${minimum}`;
  if (maximum !== undefined && Number(value) > Number(maximum))
    return `value must have a maximum of ${maximum}`;
  if (minLength !== undefined && value.length < minLength) return `value is shorter than ${minLength}`;
  if (maxLength !== undefined && value.length > maxLength) return `value is longer than ${maxLength}`;
  const regex = pattern?.replaceAll("(?^:", "(?:");
  if (regex !== undefined && !new RegExp(`^(?:${regex})$`).test(value))
    return "value does not match the regex pattern";
  return undefined;
}

function checkFormat({ format }: Field, value: string): string | undefined {
  if (typeof format === "object") return checkProperties(format, value);
  const test = format === undefined ? undefined : FORMATS[format];
  return test === undefined || test.test(value)
    ? undefined
    : `invalid format - value does not look like a ${format}`;
}

/** Checks comma-separated properties, of which one may lack its name. */
function checkProperties(format: Record<string, SubField>, text: string): string | undefined {
  const defaultKey = Object.keys(format).find((name) => format[name]!.default_key === 1);
  const seen: Record<string, string> = {};
  for (const part of text.split(",")) {
    const equals = part.indexOf("=");
    const given = equals === -1 ? defaultKey : part.slice(0, equals);
    const value = part.slice(equals + 1);
    if (given === undefined)
      return `invalid format - value without key, but schema does not define a default key`;
    const field = format[given];
    if (field === undefined) return `invalid format - ${given}: property is not defined in schema`;
    const { alias, keyAlias } = field;
    if (keyAlias !== undefined) seen[keyAlias] = given;
    const name = alias ?? given;
    if (seen[name] !== undefined)
      return `invalid format - duplicate key in comma-separated list property: ${name}`;
    seen[name] = value;
    const message = checkField(format[name]!, value);
    if (message !== undefined) return `invalid format - ${name}: ${message}`;
  }
  const missing = Object.entries(format).find(
    ([name, field]) => field.alias === undefined && field.optional !== 1 && !(name in seen),
  );
  return missing === undefined
    ? undefined
    : `invalid format - ${missing[0]}: property is missing and it is not optional`;
}

const ID = "[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]";
const VOLUME = `${ID}:\\S+`;
const LABEL = "[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?";

/** Formats that the schema only names. */
const FORMATS: Record<string, RegExp> = {
  "pve-node": new RegExp(`^${LABEL}$`),
  "pve-vmid": /^[1-9][0-9]{2,8}$/,
  "pve-vmid-list": /^[1-9][0-9]{2,8}([,; ][1-9][0-9]{2,8})*$/,
  "pve-storage-id": new RegExp(`^${ID}$`),
  "pve-storage-id-list": new RegExp(`^${ID}([,; ]${ID})*$`),
  "pve-poolid": /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+){0,2}$/,
  "pve-bridge-id": /^[A-Za-z][A-Za-z0-9_]{0,13}[A-Za-z0-9]$/,
  "pve-configid": /^[A-Za-z][\w-]+$/,
  "pve-configid-list": /^[A-Za-z][\w-]+([,; ][A-Za-z][\w-]+)*$/,
  "pve-tag-list": /^[A-Za-z0-9_][A-Za-z0-9_+.-]*([,; ][A-Za-z0-9_][A-Za-z0-9_+.-]*)*$/,
  "pve-volume-id": new RegExp(`^${VOLUME}$`),
  "pve-volume-id-or-qm-path": new RegExp(`^(none|cdrom|/.+|${VOLUME})$`),
  "pve-volume-id-or-absolute-path": new RegExp(`^(/.+|${VOLUME})$`),
  "pve-qm-boot": /^(order=[a-z]+\d+(;[a-z]+\d+)*|order=|[acdn]{1,4})$/,
  "pve-qm-ipconfig":
    /^(ip=(dhcp|[\d.]+\/\d+)|gw=[\d.]+|ip6=(auto|dhcp|[\dA-Fa-f:]+\/\d+)|gw6=[\dA-Fa-f:]+)(,(ip=(dhcp|[\d.]+\/\d+)|gw=[\d.]+|ip6=(auto|dhcp|[\dA-Fa-f:]+\/\d+)|gw6=[\dA-Fa-f:]+))*$/,
  "pve-vm-cpu-conf":
    /^(cputype=)?[A-Za-z0-9_-]+(,(flags|hidden|hv-vendor-id|phys-bits|reported-model|guest-phys-bits)=[^,]+)*$/,
  "pve-storage-content": /^(images|rootdir|vztmpl|iso|backup|snippets|import|none)$/,
  "pve-ha-resource-or-vm-id": /^((vm|ct):)?\d+$/,
  "dns-name": new RegExp(`^${LABEL}(\\.${LABEL})*$`),
  "dns-name-list": new RegExp(`^${LABEL}(\\.${LABEL})*([,; ]${LABEL}(\\.${LABEL})*)*$`),
  "address-list": /^[\dA-Fa-f:.]+([,; ][\dA-Fa-f:.]+)*$/,
  "lxc-ip-with-ll-iface-list": /^[\dA-Fa-f:.]+([,; ][\dA-Fa-f:.]+)*$/,
  "disk-size": /^\d+(\.\d+)?[KMGT]?$/,
  "mac-addr": /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/i,
  "pve-lxc-mp-string": /^(?!.*(^|\/)\.\.?(\/|$))[^,]+$/,
  urlencoded: /^[-%a-zA-Z0-9_.!~*'()]*$/,
  "pve-startup-order": /^(\d+|order=\d+|up=\d+|down=\d+)(,(order|up|down)=\d+)*$/,
};
