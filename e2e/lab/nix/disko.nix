# Replaces disko's script: partitions and formats the disk $1 for BIOS and EFI, and mounts it on /mnt.
let
  build = import ./build.nix;
in
build "disko-lab" ''
  cp ${builtins.toFile "disko-lab" ''
    #!/bin/sh
    set -eu
    disk=$(readlink -f "$1")
    wipefs --all --quiet "$disk"
    sfdisk --quiet "$disk" <<'END'
    label: gpt
    size=1M, type=21686148-6449-6E6F-744E-656564454649, name=bios
    size=16M, type=U, name=boot
    name=root
    END
    mkfs.fat "$disk"2
    mkfs.ext4 -q -F -L root "$disk"3
    mkdir -p /mnt
    mount "$disk"3 /mnt
    mkdir -p /mnt/boot/efi
    mount "$disk"2 /mnt/boot/efi
  ''} $out
  chmod 755 $out
''
