# Compares the stand-ins in `nixos` with the nixpkgs in NIXPKGS_SOURCE, and evaluates our modules with that nixpkgs, for
# e2e/tests/nix-stand-ins.int.test.ts.
let
  lib = import (builtins.getEnv "NIXPKGS_LIB_SOURCE" + "/lib");
  system = "x86_64-linux";
  pkgs = import ./nixos/pkgs.nix { inherit lib system; };
  nixpkgs = import ./nixpkgs.nix { inherit lib; };
  standIn = import ./nixos/nixos-system.nix {
    inherit lib;
    pkgsFor = _: pkgs;
  } { modules = [ { nixpkgs.hostPlatform = system; } ]; };
  inherit (import ../lib/modules.nix { inherit lib; }) modulesIn;

  # Returns the options of a submodule, also inside of a list or a set.
  optionsIn =
    type:
    let
      inner = type.nestedTypes.elemType or type.functor.wrapped or null;
    in
    if type.name == "submodule" then
      removeAttrs (type.getSubOptions [ ]) [ "_module" ]
    else if inner == null then
      { }
    else
      optionsIn inner;

  # Returns pairs of options with the same name, and the names that only the first set has.
  compare =
    path: ours: theirs:
    lib.concatLists (
      lib.mapAttrsToList (
        name: our:
        let
          here = path ++ [ name ];
          their = theirs.${name};
        in
        if !theirs ? ${name} || lib.isOption our && !lib.isOption their then
          [ { lacking = lib.showOption here; } ]
        else if !lib.isOption our then
          compare here our (if lib.isOption their then optionsIn their.type else their)
        else if optionsIn our.type != { } then
          compare (here ++ [ "*" ]) (optionsIn our.type) (optionsIn their.type)
        else
          [
            {
              option = lib.showOption here;
              ours = our.type;
              theirs = their.type;
            }
          ]
      ) (removeAttrs ours [ "_module" ])
    );
  compared = compare [ ] standIn.options nixpkgs.options;
  inBoth = lib.filter (pair: pair ? option) compared;

  values = {
    inherit (pkgs) hello;
    null = null;
    true = true;
    zero = 0;
    negative = -1;
    many = 70000;
    fraction = 1.5;
    text = "x";
    empty = "";
    words = "a b";
    lines = "a\nb";
    path = "/a";
    relative = "a/b";
    storePath = "/nix/store/00000000000000000000000000000000-x";
    unit = "x.service";
    set = { };
    setOfTexts.a = "x";
    setOfNumbers.a = 1;
    setOfNulls.a = null;
    setOfLists.a = [ "x" ];
    setOfSets.a = { };
    unknownType.Type = "continuous";
    unknownRestart.Restart = "sometimes";
    function = _: null;
  };
  trials =
    values
    // lib.mapAttrs' (name: value: lib.nameValuePair "[ ${name} ]" [ value ]) values
    // {
      "[ ]" = [ ];
    };
  # Evaluates a value with its lists and sets, but not the attributes of derivations.
  force =
    value:
    if lib.isDerivation value then
      true
    else if lib.isAttrs value then
      lib.all force (lib.attrValues value)
    else if lib.isList value then
      lib.all force value
    else
      lib.seq value true;
  accepts =
    lib: type: value:
    (builtins.tryEval (
      force
        (lib.evalModules {
          modules = [
            {
              options.tried = lib.mkOption { inherit type; };
              config.tried = value;
            }
          ];
        }).config.tried
    )).value;

  functions = {
    fetchPnpmDeps = pkgs.fetchPnpmDeps;
    "ipxe.override" = pkgs.ipxe.override;
    symlinkJoin = pkgs.symlinkJoin;
    writeShellApplication = pkgs.writeShellApplication;
  };
  theirs = name: lib.attrByPath (lib.splitString "." name) null nixpkgs.pkgs;
  # Arguments that are passed on to `mkDerivation` are not arguments of the function itself.
  ofDerivations = [
    "meta"
    "passthru"
    "pname"
    "src"
    "version"
  ];
  fetches =
    fetchPnpmDeps: pnpm: fetcherVersion:
    (builtins.tryEval (
      lib.isString
        (fetchPnpmDeps {
          pname = "x";
          version = "1";
          src = pkgs.emptyFile;
          hash = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
          inherit fetcherVersion pnpm;
        }).drvPath
    )).value;
  fetcherVersions =
    { fetchPnpmDeps, ... }:
    map (fetches fetchPnpmDeps (
      pkgs.pnpm_10
      // {
        version = "10.34.5";
        nodejs-slim = pkgs.nodejs-slim_24;
      }
    )) (lib.range 0 9);

  self = {
    outPath = "/nix/store/00000000000000000000000000000000-source";
    inputs.nixops4 = {
      outPath = "/nix/store/00000000000000000000000000000000-nixops4";
      packages.${system}.default = pkgs.emptyFile;
    };
    packages.${system} = import ../packages { inherit pkgs; };
    nixosModules = modulesIn "nixos" ../nixos { inherit self; };
    templates.default.path = ../../templates/default;
  };
  disk = {
    fileSystems."/" = {
      device = "/dev/sda1";
      fsType = "ext4";
    };
    boot.loader.grub.device = "/dev/sda";
  };
  host =
    settings:
    import ../components/common/installed-host.nix (
      {
        hostName = "web";
        architecture = "x86_64";
        mac = "52:54:00:12:34:56";
        bond = null;
        vlan = null;
        ip = "10.0.0.9";
        prefixLength = 24;
        gateway = "10.0.0.1";
        nameservers = [ "9.9.9.9" ];
        user = "root";
        authorizedKeys = [ "ssh-ed25519 AAAA" ];
      }
      // settings
    );
  made = modules: {
    inherit (nixpkgs.nixosSystem { inherit modules; }) config;
  };
  hostWith = layout: [
    (/. + builtins.getEnv "DISKO_SOURCE" + "/module.nix")
    (../../templates/default + "/${layout}")
    (host { })
  ];
  summary =
    { config }:
    {
      failed = map (assertion: assertion.message) (
        lib.filter (assertion: !assertion.assertion) config.assertions
      );
      units = lib.mapAttrs (_: unit: unit.text) (
        lib.filterAttrs (name: _: lib.hasInfix "nixops4" name) config.systemd.units
      );
      networkUnits = lib.mapAttrs (_: unit: unit.text) (
        lib.filterAttrs (name: _: lib.hasInfix "nixops4" name) config.systemd.network.units
      );
      inherit (config.hardware) enableRedistributableFirmware;
      system = builtins.unsafeDiscardStringContext config.system.build.toplevel.outPath;
    };
in
{
  isOld = nixpkgs.pkgs.lib.versionOlder nixpkgs.lib.version "26.05";

  # The parts of the stand-ins that nixpkgs does not have.
  lacking = {
    options = lib.concatMap (pair: lib.optional (pair ? lacking) pair.lacking) compared;
    packages = lib.attrNames (
      lib.filterAttrs (name: value: lib.isDerivation value && !nixpkgs.pkgs ? ${name}) pkgs
    );
    functions = lib.filter (name: theirs name == null) (lib.attrNames functions);
  };

  # The values that the stand-ins accept and nixpkgs refuses.
  compared = lib.length inBoth;
  lenient =
    lib.concatMap (
      {
        option,
        ours,
        theirs,
      }:
      map (name: "${option} = ${name}") (
        lib.attrNames (
          lib.filterAttrs (_: value: accepts lib ours value && !accepts nixpkgs.lib theirs value) trials
        )
      )
    ) inBoth
    ++ lib.concatLists (
      lib.mapAttrsToList (
        name: function:
        let
          ours = lib.functionArgs function;
          known = lib.functionArgs (theirs name);
          # An overridden function has its required arguments already.
          required = lib.optionals (!lib.hasSuffix ".override" name) (lib.attrNames known);
        in
        lib.optionals (theirs name != null) (
          map (argument: "${name} with ${argument}") (
            lib.subtractLists (ofDerivations ++ lib.attrNames known) (lib.attrNames ours)
          )
          ++ map (argument: "${name} without ${argument}") (
            lib.filter (argument: !known.${argument} && ours.${argument} or true) required
          )
        )
      ) functions
    )
    ++ lib.optional (
      nixpkgs.pkgs ? fetchPnpmDeps && fetcherVersions pkgs != fetcherVersions nixpkgs.pkgs
    ) "fetchPnpmDeps with other values of fetcherVersion";

  layouts = lib.genAttrs [ "disk.nix" "disks/luks.nix" "disks/mirror.nix" "disks/zfs.nix" ] (
    layout:
    let
      host = made (hostWith layout);
    in
    summary host
    // {
      grubDevices = host.config.boot.loader.grub.devices;
      mounts = lib.mapAttrs (_: mount: mount.device) host.config.fileSystems;
      script = builtins.unsafeDiscardStringContext host.config.system.build.destroyFormatMount.outPath;
    }
  );

  systems = lib.mapAttrs (_: modules: summary (made modules)) {
    landscaper = [
      disk
      self.nixosModules.landscaper
      {
        networking.hostName = "landscaper";
        networking.interfaces.eth1.ipv4.addresses = [
          {
            address = "10.0.0.1";
            prefixLength = 24;
          }
        ];
        services.nixops4-landscaper = {
          enable = true;
          interface = "eth1";
          address = "10.0.0.1";
          dhcp.range = "10.0.0.100,10.0.0.199";
          apply.enable = true;
        };
      }
    ];
    landscaper-iso = [ self.nixosModules.landscaper-iso ];
    installer = [
      self.nixosModules.installer
      { nixops4.installer.authorizedKeys = [ "ssh-ed25519 AAAA" ]; }
    ];
    host = [
      disk
      (host { })
    ];
    host-on-a-bond = [
      disk
      (host {
        bond = {
          mode = "802.3ad";
          macs = [
            "52:54:00:12:34:56"
            "52:54:00:12:34:57"
          ];
        };
        vlan = 12;
      })
    ];
  };
}
