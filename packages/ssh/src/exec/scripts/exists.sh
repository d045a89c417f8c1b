# shellcheck shell=sh
# path -> "yes" if it exists or is a broken link, else "no"
if [ -e "$1" ] || [ -L "$1" ]; then echo yes; else echo no; fi
