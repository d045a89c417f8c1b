# The kernel modules of storage controllers in servers, besides those that `hardware.enableAllHardware` of NixOS adds to
# the initial ramdisk.
[
  "aacraid"
  "ahci"
  "hpsa"
  "megaraid_sas"
  "mpi3mr"
  "mpt3sas"
  "nvme"
  "smartpqi"
]
