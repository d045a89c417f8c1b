# shellcheck shell=sh disable=SC2154
[ -e "./$name" ] || exit 0
exec 3< "./$name"
sum=$(sha256sum <&3)
# Names may have spaces.
stat=$(stat -L -c '%a %u %g
%U
%G' /proc/self/fd/3 3<&3)
printf '%s %s\n' "${sum%% *}" "$stat"
