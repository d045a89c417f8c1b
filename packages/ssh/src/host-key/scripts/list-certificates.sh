# shellcheck shell=sh disable=SC2154
# -> for each certificate of its configuration that is for none of its host keys: the fingerprint of the key that it is
# for, and the file
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
