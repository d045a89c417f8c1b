# A nixops4 component module of options of `bare-metal-host`, with each value in it as a default, which another
# definition overrules. What is a set or a list of things to have, such as NixOS modules, is still added to.
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
  # Whose names are options or members, and not yet values.
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
      # A module for everybody, and no place for what holds here.
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
