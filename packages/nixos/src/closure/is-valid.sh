# shellcheck shell=sh
# store path -> "yes" where the host's Nix has it whole, "no" where not, "no-nix" where there is no Nix
if ! command -v nix-store >/dev/null; then
  echo no-nix
elif nix-store --check-validity "$1" 2>/dev/null; then
  echo yes
else
  echo no
fi
