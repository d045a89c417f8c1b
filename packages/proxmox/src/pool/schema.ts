import { ensureField, fields, type Static, Type } from "@nixops4-providers/provider-sdk";
import { STORAGE_PATTERN } from "../common-fields.ts";
import { apiAccessField } from "../api-access.ts";

export const inputs = fields({
  connection: apiAccessField,
  name: Type.String({
    pattern: "^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$",
    patternError: "must be up to three names with slashes between, such as customers/web",
    description:
      "The ID, such as `web`, or `customers/web` in the existing pool `customers`. Refer to the parent by its output `poolId`.",
  }),
  comment: Type.Optional(
    Type.String({ description: "The comment. When not set, an existing comment stays." }),
  ),
  storages: Type.Array(
    Type.String({ pattern: STORAGE_PATTERN, patternError: "must be the ID of a storage" }),
    {
      default: [],
      description:
        "The storages to add to the pool. Its other storages stay. VMs and containers join it by their own input `pool`.",
    },
  ),
  ensure: ensureField("the pool, which must be empty to be deleted"),
});

export const outputs = fields({
  poolId: Type.String({ description: "The ID of the pool." }),
});

export type Inputs = Static<typeof inputs>;
export type Outputs = Static<typeof outputs>;
