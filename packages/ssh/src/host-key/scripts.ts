// What runs on the host: POSIX sh with OpenSSH, coreutils and util-linux (or busybox) on Linux. Arguments are positional.

/** Paths of private keys stand for themselves; their public halves are derived, as sshd does, never read. */
const HELPERS = `
set -efu
umask 077
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
public_key() { ssh-keygen -y -P '' -f "$1" 2>/dev/null </dev/null | cut -d' ' -f1,2; }
sync_path() { sync "$1" 2>/dev/null || sync; }
# file: its .pub says what it holds
write_public() {
  ssh-keygen -y -P '' -f "$1" </dev/null >"$1.pub.new"
  chmod 644 "$1.pub.new"
  sync_path "$1.pub.new"
  mv -f "$1.pub.new" "$1.pub"
}
`;

/**
 * Finds the sshd that this connection came through: `listener` is its process, if it waits for connections itself,
 * and `sshd_command` the program with its options, as its title shows them.
 */
const FIND_SSHD = `${HELPERS}
served_by= pid=$$
while [ "$pid" -gt 0 ]; do
  case $(cat "/proc/$pid/comm") in
    sshd | sshd-session) served_by=$pid ;;
    *) if [ -n "$served_by" ]; then break; fi ;;
  esac
  pid=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$pid/status")
done
if [ -z "$served_by" ]; then echo "no sshd of OpenSSH was found among the processes that led here" >&2; exit 1; fi
title=$(tr '\\0' ' ' <"/proc/$served_by/cmdline")
listener=
case $title in
  "sshd: /"*)
    listener=$served_by
    sshd_command=\${title#sshd: }
    sshd_command=\${sshd_command%% \\[listener*}
    ;;
  "sshd: "* | "sshd-session: "*) sshd_command=$(command -v sshd) ;;
  *)
    listener=$served_by
    sshd_command=$title
    ;;
esac
`;

/**
 * -> how to start the listening sshd (empty when there is none); then for each host key of its configuration the
 * file and the public keys in it and in FILE.new
 */
export const OBSERVE = `${FIND_SSHD}
settings=$($sshd_command -T)
echo "\${listener:+$sshd_command}"
echo "$settings" | while read -r name file; do
  if [ "$name" != hostkey ] || [ ! -f "$file" ]; then continue; fi
  file=$(readlink -f "$file")
  printf '%s\\n' "$file" "$(public_key "$file")" "$(public_key "$file.new")"
done
`;

/**
 * folder, seconds -> "busy" when another one has the lock, and "locked" once this one has: on the folder itself, until
 * standard input ends or so many seconds are over
 */
export const LOCK = `
exec 9<"$1"
flock -n 9 || { echo busy; flock 9 || exit 1; }
echo locked
exec timeout "$2" cat >/dev/null
`;

/** folder -> the record of rotations, empty when there is none */
export const READ_RECORD = `
cd "$1" && if [ -e ssh_host_key_rotations ]; then cat ssh_host_key_rotations; fi
`;

/** folder, bytes of the record on standard input: a connection that breaks looks like its end */
export const WRITE_RECORD = `${HELPERS}
record=$1/ssh_host_key_rotations
cat >"$record.new"
if [ "$(wc -c <"$record.new")" -ne "$2" ]; then echo "the record of rotations did not arrive whole" >&2; exit 1; fi
chmod 644 "$record.new"
sync_path "$record.new"
mv -f "$record.new" "$record"
sync_path "$1"
`;

/** file, algorithm, bits or nothing -> the public key that was made into FILE.new */
export const GENERATE = `${HELPERS}
rm -f "$1.new" "$1.new.pub"
ssh-keygen -q -t "$2" \${3:+-b "$3"} -N '' -f "$1.new" </dev/null >&2
rm -f "$1.new.pub"
sync_path "$1.new"
sync_path "\${1%/*}/"
public_key "$1.new"
`;

/** private key file, namespace; the message on standard input -> its signature */
export const SIGN = `
exec ssh-keygen -Y sign -f "$1" -n "$2"
`;

/** file: becomes an sshd on standard input and output that has FILE.new as its first host key */
export const SERVE_NEW_KEY = `${FIND_SSHD}
$sshd_command -t -h "$1.new"
exec $sshd_command -e -i -h "$1.new"
`;

/** file, the public keys in it and in FILE.new: FILE.new takes its place, what was there goes to FILE.old */
export const SWAP = `${FIND_SSHD}
if [ "$(public_key "$1")" != "$2" ] || [ "$(public_key "$1.new")" != "$3" ]; then
  echo "$1 or $1.new was changed by someone else meanwhile" >&2
  exit 1
fi
cp "$1" "$1.old.new"
sync_path "$1.old.new"
mv -f "$1.old.new" "$1.old"
sync_path "\${1%/*}/"
mv -f "$1.new" "$1"
sync_path "\${1%/*}/"
write_public "$1"
`;

/** file: undoes SWAP */
export const SWAP_BACK = `${HELPERS}
if [ ! -s "$1.old" ]; then echo "there is no $1.old" >&2; exit 1; fi
cp "$1" "$1.new.new"
sync_path "$1.new.new"
mv -f "$1.new.new" "$1.new"
mv -f "$1.old" "$1"
sync_path "\${1%/*}/"
write_public "$1"
`;

/** "signal", or "unit" and its name, or "command" and the command */
export const RELOAD = `${FIND_SSHD}
$sshd_command -t
case $1 in
  signal) if [ -n "$listener" ]; then kill -s HUP "$listener"; fi ;;
  unit) systemctl reload "$2" ;;
  command) sh -c "$2" ;;
esac
`;

/** how to start sshd: for when it did not survive a reload, and nothing else has started it again */
export const START_SSHD = `
set -f
$1 </dev/null >/dev/null 2>&1 &
`;

/** file of the key in use, then files to be removed with their public halves */
export const FINISH = `${HELPERS}
if [ "$(cut -d' ' -f1,2 "$1.pub" 2>/dev/null)" != "$(public_key "$1")" ]; then write_public "$1"; fi
shift
for file; do
  if [ -e "$file" ] || [ -e "$file.pub" ]; then
    rm -f "$file.pub" "$file"
    sync_path "\${file%/*}/"
  fi
done
`;
