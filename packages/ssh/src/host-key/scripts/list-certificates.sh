# shellcheck shell=sh disable=SC2154
# -> for each configured certificate that belongs to none of the host keys: the fingerprint of its key, and the file
settings=$($sshd_command -T)
fingerprints_of() {
  echo "$settings" | while read -r name file; do
    if [ "$name" = hostkey ] && [ -s "$file" ]; then public_key "$file" | ssh-keygen -l -f -; fi
  done
}
echo "$settings" | while read -r name file; do
  if [ "$name" != hostcertificate ] || [ ! -f "$file" ]; then continue; fi
  key=$(ssh-keygen -L -f "$file" | sed -n 's/^ *Public key: [^ ]* \([^ ]*\).*/\1/p')
  case $(fingerprints_of) in *" $key "*) ;; *) echo "$key $file" ;; esac
done
