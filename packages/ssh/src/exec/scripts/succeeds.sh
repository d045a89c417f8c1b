# shellcheck shell=sh
# A command -> "yes" when it succeeds, else "no". It has no standard output.
if sh -c "$1" >/dev/null; then echo yes; else echo no; fi
