# A network interface with one distant host; all other hosts never answer. A packet to the distant host comes back after
# a delay, as if that host had sent it to this machine, so that local servers answer instead of the host.
# Arguments: the name of the interface, the address of the distant host, the delay in seconds in each direction.
use strict;
use warnings;
use Time::HiRes qw(time);

my ($name, $address, $delay) = @ARGV;
my ($TUNSETIFF, $IFF_TUN, $IFF_NO_PI) = (0x400454ca, 0x0001, 0x1000);
open(my $tun, '+<', '/dev/net/tun') or die "cannot open /dev/net/tun: $!";
ioctl($tun, $TUNSETIFF, pack('a16 S x22', $name, $IFF_TUN | $IFF_NO_PI)) or die "cannot make $name: $!";
my $far = pack('C4', split(/\./, $address));
my @held;
syswrite(STDERR, "ready\n");
for (;;) {
  my $bits = '';
  vec($bits, fileno($tun), 1) = 1;
  my $wait = @held ? $held[0][0] - time : undef;
  $wait = 0 if defined $wait && $wait < 0;
  if (select($bits, undef, undef, $wait) > 0) {
    sysread($tun, my $packet, 65536) or die "cannot read: $!";
    # IPv4. Swapping the source and the destination changes no checksum.
    if ((ord($packet) >> 4) == 4 && substr($packet, 16, 4) eq $far) {
      push @held, [time + $delay, substr($packet, 0, 12) . $far . substr($packet, 12, 4) . substr($packet, 20)];
    }
  }
  syswrite($tun, (shift @held)->[1]) while @held && $held[0][0] <= time;
}
