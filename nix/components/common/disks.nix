# The disks of the installer's job: the disks of the layout, selected by their devices there and by the options `disk`
# and `disks`.
{
  lib,
  disk,
  disks,
  # Returns the name of an option of the host, for errors.
  option,
  # The value of `disko.devices`; empty when the machine does not use disko.
  layout,
}:
let
  main = "/dev/disk/nixops4";
  told =
    path: criteria:
    lib.throwIf
      (lib.all (value: value == null) (lib.attrValues (lib.removeAttrs criteria [ "allowWipe" ])))
      "${option "${path}.byId"}, serial, minBytes or maxBytes must say which disk is installed to"
      criteria;

  # Disks that disko does not erase are left out.
  devices = lib.mapAttrs (_: { device, ... }: device) (
    lib.filterAttrs (
      _:
      {
        destroy ? true,
        ...
      }:
      destroy
    ) (layout.disk or { })
  );

  # Pools and file systems may also be on devices that the layout creates.
  isMade =
    path:
    lib.any (prefix: lib.hasPrefix prefix path) (
      [
        "/dev/disk/by-partlabel/"
        "/dev/mapper/"
        "/dev/md/"
        "/dev/zvol/"
      ]
      ++ map (name: "/dev/${name}/") (lib.attrNames (layout.lvm_vg or { }))
    );
  devicesIn =
    value:
    if lib.isList value then
      lib.filter (path: lib.isString path && lib.hasPrefix "/dev/" path && !isMade path) value
      ++ lib.concatMap devicesIn (lib.filter (inner: !lib.isString inner) value)
    else if lib.isAttrs value && !lib.isDerivation value then
      lib.concatMap devicesIn (
        lib.attrValues (
          lib.filterAttrs (name: _: !lib.hasPrefix "_" name && name != "additionalKeyFiles") value
        )
      )
    else
      [ ];
  # Returns the disk of a partition, or the path itself when it is not a partition.
  wholeOf =
    path:
    let
      partition = builtins.match "(.*)-part[0-9]+|(/dev/[a-z]+)[0-9]+|(/dev/.*[0-9])p[0-9]+" path;
    in
    if partition == null then path else lib.findFirst (whole: whole != null) path partition;
  unchecked = lib.filter (path: !lib.elem (wholeOf path) (lib.attrValues devices)) (devicesIn layout);

  mainNames = lib.attrNames (lib.filterAttrs (_: device: device == main) devices);
  others = lib.filterAttrs (_: device: device != main) devices;
  unknown = lib.attrNames (lib.removeAttrs disks (lib.attrNames others));

  otherDisk =
    name: device:
    let
      criteria =
        disks.${name} or {
          byId = null;
          serial = null;
          path = null;
          minBytes = null;
          maxBytes = null;
          allowWipe = false;
        };
    in
    if device == null || device == "${main}-${name}" then
      told "disks.${name}" criteria
    else if lib.hasPrefix "/dev/disk/by-id/" device then
      criteria // { byId = device; }
    else
      criteria // { path = device; };

  chosen =
    if !layout ? disk then
      [ (told "disk" disk // { name = "main"; }) ]
      ++ lib.mapAttrsToList (name: _: otherDisk name null // { inherit name; }) disks
    else
      lib.throwIf (unchecked != [ ])
        "disko.devices names ${lib.head unchecked}, which is the device of no disk in disko.devices.disk: nobody would check what is on it. Make it a disk there, and name that or its partition"
        lib.throwIf
        (unknown != [ ])
        "${option "disks.${lib.head unknown}"}: the layout has no such disk whose device is not ${main}; it has ${lib.concatStringsSep ", " (lib.attrNames devices)}"
        (
          lib.throwIf (mainNames == [ ] && (disk.byId != null || disk.serial != null || disk.allowWipe))
            "${option "disk"} tells of the disk ${main}, which the layout has not; it has ${lib.concatStringsSep ", " (lib.attrValues devices)}"
            map
            (name: told "disk" disk // { inherit name; })
            mainNames
          ++ lib.mapAttrsToList (name: device: otherDisk name device // { inherit name; }) others
        );
in
{
  job = chosen;
  # Links the disks to the paths in the layout. The arguments of the script are the disks, in the order of the job.
  links = lib.concatStringsSep "\n" (
    lib.concatLists (
      lib.imap1 (
        position:
        { name, ... }:
        let
          device = devices.${name} or (if position == 1 then main else "${main}-${name}");
        in
        lib.optional (
          device == main || device == "${main}-${name}"
        ) "ln --symbolic --force --no-dereference \"\$${toString position}\" ${lib.escapeShellArg device}"
      ) chosen
    )
  );
}
