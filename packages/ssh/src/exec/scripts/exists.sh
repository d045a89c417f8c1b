# shellcheck shell=sh
# path -> "yes" where there is something, a broken link included, else "no"
if [ -e "$1" ] || [ -L "$1" ]; then echo yes; else echo no; fi
