# shellcheck shell=sh
[ -e "$1" ] || exit 0
sum=$(sha256sum < "$1")
stat=$(stat -c '%a %u %g %U %G' "$1")
echo "${sum%% *} $stat"
