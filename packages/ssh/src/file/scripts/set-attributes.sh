# shellcheck shell=sh
apply_attributes "$1" "$2" "$3" "$4"
