#!/bin/sh
# Configures the address from DHCP.
# shellcheck disable=SC2154 # udhcpc sets the variables.
[ "$1" = bound ] || exit 0
ip address add "$ip/$mask" dev "$interface"
