# The disks of the installer's job: those of the layout, told by its devices and by the options `disk` and `disks`.
{
  lib,
  disk,
  disks,
  # The name of an option of the host, for errors.
  option,
  # `disko.devices.disk`, or nothing where the machine has no disko.
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

  # What disko leaves as it is needs no permission.
  devices = lib.mapAttrs (_: { device, ... }: device) (
    lib.filterAttrs (
      _:
      {
        destroy ? true,
        ...
      }:
      destroy
    ) layout
  );
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
    if layout == { } then
      [ (told "disk" disk // { name = "main"; }) ]
      ++ lib.mapAttrsToList (name: _: otherDisk name null // { inherit name; }) disks
    else
      lib.throwIf (unknown != [ ])
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
  # Gives the disks the paths that the layout has for them; the program's arguments are they, in the order of the job.
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
