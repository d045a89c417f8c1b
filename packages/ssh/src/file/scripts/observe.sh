# shellcheck shell=sh disable=SC2154
[ -e "./$name" ] || exit 0
exec 3< "./$name"
sum=$(sha256sum <&3)
stat=$(stat -L -c '%a %u %g %U %G' /proc/self/fd/3 3<&3)
echo "${sum%% *} $stat"
