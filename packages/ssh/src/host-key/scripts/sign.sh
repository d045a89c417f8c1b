# shellcheck shell=sh
# private key file, namespace; the message on standard input -> its signature
exec ssh-keygen -Y sign -f "$1" -n "$2"
