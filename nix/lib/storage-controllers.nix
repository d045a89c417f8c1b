# The kernel modules of storage controllers that servers have, beside those that `hardware.enableAllHardware` of NixOS
# puts into the initial ramdisk.
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
