# The Nix option types for the JSON Schemas in a provider's manifest (nix/providers/<name>.json).
{ lib, manifest }:
let
  inherit (lib) mkOption types;

  options =
    object: lib.mapAttrs (name: option (lib.elem name (object.required or [ ]))) object.properties;

  option =
    required: field:
    mkOption (
      {
        inherit (field) description;
      }
      // (
        if field ? default then
          {
            type = typeOf field;
            inherit (field) default;
          }
        else if required then
          { type = neverMissing (typeOf field); }
        else
          {
            type = types.nullOr (typeOf field);
            default = null;
          }
      )
    );

  # Without this, a missing object would become an empty one, and errors about its fields would not name its option.
  neverMissing =
    type:
    type
    // {
      emptyValue = { };
      substSubModules = modules: neverMissing (type.substSubModules modules);
    };

  typeOf = schema: if schema ? title then named.${schema.title} else unnamed schema;

  unnamed =
    schema:
    if schema ? enum then
      types.enum schema.enum
    else if schema ? anyOf then
      let
        branches = lib.partition (branch: branch.type or null == "null") schema.anyOf;
        type = types.oneOf (map typeOf branches.wrong);
      in
      if branches.right == [ ] then type else types.nullOr type
    else
      byType.${schema.type or "any"} schema;

  byType = {
    any = _: types.anything;
    boolean = _: types.bool;
    integer = within "integer" types.int;
    number = within "number" types.number;
    string =
      schema:
      let
        pattern = toPosix (schema.pattern or "\\");
      in
      if pattern != null then
        types.strMatching pattern
      else if schema.minLength or 0 > 0 then
        types.nonEmptyStr
      else
        types.str;
    array =
      schema:
      (if schema.minItems or 0 > 0 then types.nonEmptyListOf else types.listOf) (typeOf schema.items);
    object =
      schema:
      if schema ? patternProperties then
        types.attrsOf (typeOf (lib.head (lib.attrValues schema.patternProperties)))
      else if schema.maxProperties or null == 1 then
        types.attrTag (
          lib.mapAttrs (
            _: field:
            mkOption {
              type = typeOf field;
              inherit (field) description;
            }
          ) schema.properties
        )
      else
        types.submodule { options = options schema; };
  };

  within =
    noun: type: schema:
    let
      limits = lib.concatMap (
        { key, words, ... }: lib.optional (schema ? ${key}) "${words} ${toString schema.${key}}"
      ) bounds;
      bounds = [
        {
          key = "minimum";
          words = "from";
          holds = value: limit: value >= limit;
        }
        {
          key = "exclusiveMinimum";
          words = "above";
          holds = value: limit: value > limit;
        }
        {
          key = "maximum";
          words = "up to";
          holds = value: limit: value <= limit;
        }
      ];
      holdsFor =
        value: lib.all ({ key, holds, ... }: !(schema ? ${key}) || holds value schema.${key}) bounds;
    in
    if limits == [ ] then
      type
    else
      types.addCheck type holdsFor
      // {
        description = lib.concatStringsSep " " ([ noun ] ++ limits);
      };

  # A pattern in JSON Schema can match any part of the text, but one in Nix must match all of it. A pattern that POSIX
  # does not support is only checked by the provider (null).
  toPosix =
    pattern:
    let
      translated = lib.replaceStrings [ "\\n" ] [ "\n" ] pattern;
      start = if lib.hasPrefix "^" translated then "" else ".*";
      end = if lib.hasSuffix "$" translated then "" else ".*";
    in
    if
      lib.any (part: lib.hasInfix part translated) [
        "\\"
        "(?"
        "$|"
        "|^"
      ]
    then
      null
    else
      start + lib.removePrefix "^" (lib.removeSuffix "$" translated) + end;

  # Objects with a title are the same type wherever they occur.
  named = lib.mapAttrs (_: unnamed) (
    lib.listToAttrs (
      lib.concatMap (resource: titled resource.inputs ++ titled resource.outputs) (
        lib.attrValues manifest.resourceTypes
      )
    )
  );

  titled =
    schema:
    lib.optional (schema ? title) (lib.nameValuePair schema.title schema)
    ++ lib.concatMap titled (
      lib.attrValues (schema.properties or { })
      ++ lib.attrValues (schema.patternProperties or { })
      ++ (schema.anyOf or [ ])
      ++ lib.optional (schema ? items) schema.items
    );
in
{
  inherit named options;
}
