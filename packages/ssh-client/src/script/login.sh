# shellcheck shell=sh disable=SC2154
# What the login shell is told to run by `exec /bin/sh -c '...'`, in one line that every login shell reads the same
# way: no single quotes, backslashes and exclamation marks. Prefixed with `m=`, the mark of this run.
#
# It says the mark, and only then is anything sent that matters. Of standard input it takes the line that has the
# mark. A shell that has taken the place of the login shell reads the line with `exec` as its script, and comes here.
if test -t 0 || test -t 1; then echo "$nixops4_m terminal"; exit 1; fi;
echo "$nixops4_m" >&2;
echo "$nixops4_m ready";
while IFS= read -r nixops4_line; do
case $nixops4_line in
"$nixops4_m "*) eval "${nixops4_line#* }"; exit;;
"exec /bin/sh -c "*) ;;
*) break;;
esac;
done;
echo "$nixops4_m lost"
