# shellcheck shell=sh
# -> how to start the listening sshd (empty when there is none); then for each host key of its configuration the
# file and the public keys in it and in FILE.new
# shellcheck disable=SC2154 # find-sshd.sh sets it.
settings=$($sshd_command -T)
echo "${listener:+$sshd_command}"
echo "$settings" | while read -r name file; do
  if [ "$name" != hostkey ] || [ ! -f "$file" ]; then continue; fi
  file=$(readlink -f "$file")
  printf '%s\n' "$file" "$(public_key "$file")" "$(public_key "$file.new")"
done
