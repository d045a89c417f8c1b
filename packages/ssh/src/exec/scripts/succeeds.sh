# shellcheck shell=sh
# command -> "yes" if it succeeds, else "no". Its standard output is dropped.
if sh -c "$1" >/dev/null; then echo yes; else echo no; fi
