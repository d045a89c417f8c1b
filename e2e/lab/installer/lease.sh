#!/bin/sh
# Takes the address that DHCP gives; udhcpc sets the variables.
# shellcheck disable=SC2154
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
