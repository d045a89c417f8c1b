# shellcheck shell=sh
# Takes store paths from a `nix copy`, and writes each to the disk before it becomes valid. Nix does not unless it is
# told to: for what was copied shortly before a power cut it can have empty files, which it never copies again
# (nix#1218, nix#11457). The setting came with Nix 2.25; the one that is older is slower.
setting=fsync-store-paths
if nix-daemon --stdio --option "$setting" true </dev/null 2>&1 | grep -qF "unknown setting '$setting'"; then
  setting=sync-before-registering
fi
exec nix-daemon --stdio --option "$setting" true
