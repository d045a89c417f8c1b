{ lib }:
let
  matching = description: pattern: lib.types.strMatching pattern // { inherit description; };
  octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
  ipv4Pattern = "${octet}([.]${octet}){3}";
in
{
  macAddress = matching "MAC address such as 52:54:00:12:34:56" "[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}";
  hostName = matching "host name" "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  ipv4 = matching "IPv4 address" ipv4Pattern;
  inherit ipv4Pattern;
  ipAddress = matching "IP address" "${ipv4Pattern}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*";
  sshPublicKey = matching "public host key such as ssh-ed25519 AAAA…" "(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)) AAAA[A-Za-z0-9+/]+=*( [^\n]*)?\n?";
}
