# Turns a module with options of `bare-metal-host` into one that sets them as defaults, which other definitions
# override. Sets and lists of values, such as NixOS modules, are still merged.
{ lib }:
let
  isAdded =
    path:
    lib.elem path [
      [ "module" ]
      [
        "nixos"
        "module"
      ]
      [ "providers" ]
      [
        "ssh"
        "authorizedKeys"
      ]
      [ "substituters" ]
    ];
  # Whether the names in a set are options or members, and not values yet.
  isStructure =
    path:
    lib.elem path [
      [ ]
      [ "disk" ]
      [ "installer" ]
      [ "members" ]
      [ "nixos" ]
      [ "ssh" ]
      [ "sudo" ]
      [ "vm" ]
      [
        "vm"
        "image"
      ]
    ]
    || lib.length path == 2 && lib.head path == "members"
    || lib.length path == 3 && lib.head path == "members" && lib.last path == "inputs";

  demote =
    path: value:
    if isAdded path then
      value
    else if lib.isType "if" value then
      value // { content = demote path value.content; }
    else if lib.isType "merge" value then
      value // { contents = map (demote path) value.contents; }
    else if lib.isType "override" value then
      value
    else if isStructure path && lib.isAttrs value && !(value ? _type) then
      lib.mapAttrs (name: demote (path ++ [ name ])) value
    else
      lib.mkDefault value;

  structural = [
    "_class"
    "_file"
    "disabledModules"
    "freeformType"
    "imports"
    "key"
    "meta"
    "options"
  ];

  asDefaults =
    module:
    if lib.isFunction module then
      lib.setFunctionArgs (arguments: asDefaults (module arguments)) (lib.functionArgs module)
    else if module ? key then
      # A module with a key is shared, so its definitions must not become defaults.
      module
    else if lib.isAttrs module then
      let
        isLong = module ? config || module ? options;
      in
      (if isLong then module else lib.filterAttrs (name: _: lib.elem name structural) module)
      // {
        imports = map asDefaults (module.imports or [ ]);
        config = demote [ ] (if isLong then module.config or { } else removeAttrs module structural);
      }
    else
      {
        _file = toString module;
        imports = [ (asDefaults (import module)) ];
      };
in
asDefaults
