# shellcheck shell=sh
# folder -> the record of rotations, empty when there is none
cd "$1" && if [ -e ssh_host_key_rotations ]; then cat ssh_host_key_rotations; fi
