#!/bin/busybox sh
# shellcheck shell=dash # It is the shell of busybox.
# Runs as process 1 of a machine that booted from the network. Prints its command line and added files, then installs,
# or runs /nixops4/test-script of the overlay, which can use the functions below.
/bin/busybox --install -s /bin
export PATH=/bin
mkdir -p /proc /sys
mount -t devtmpfs dev /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
mount -t proc proc /proc
mount -t sysfs sys /sys
dmesg -n 1
# Each pass loads the modules whose dependencies were loaded by the passes before it.
for _ in 1 2 3 4; do
  for module in /*.ko; do insmod "$module" 2>/dev/null; done
done

# Prints a line that a test looks for.
say() { echo "netboot: $*"; }

# Sends JSON to the boot server and prints the answer.
post() {
  timeout 20 wget -q -O - --header "Authorization: Bearer $(cat /nixops4/token)" \
    --header "Content-Type: application/json" --post-data "$2" "$(cat /nixops4/job-url)/$1" 2>&1
}

# Asks for permission to install.
claim() {
  answer=$(post claim "{\"bootId\":\"$boot_id\"}")
  status=$?
  say "claim $answer"
  return $status
}

# Reports with more fields, for example: report '"stage":"disk","percent":50'
report() { say "report $(post report "{\"bootId\":\"$boot_id\",$1}")"; }

cat >/lease.sh <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route add default via "$router"
END
chmod 755 /lease.sh
ip link set lo up
ip link set eth0 up
udhcpc -i eth0 -n -q -s /lease.sh >/dev/null

boot_id=$(cat /proc/sys/kernel/random/boot_id)
say "booted on $([ -d /sys/firmware/efi ] && echo efi || echo bios)"
say "cmdline $(cat /proc/cmdline)"
say "boot_id $boot_id"
find / -xdev -type f ! -path '/bin/*' ! -name '*.ko' ! -path /init ! -path /lease.sh | sort | while read -r file; do
  say "file $(stat -c %a "$file") $(sha256sum "$file" | cut -d ' ' -f 1) $file"
done

if [ -e /nixops4/test-script ]; then
  . /nixops4/test-script
elif claim; then
  report '"stage":"disk","percent":50'
  report '"stage":"done","outcome":"installed"'
fi
say "power off"
poweroff -f
