# A landscaper as its clients see it: DHCP, boot programs, the status page, the signed binary cache, and who can apply.
{ pkgs, self }:
pkgs.testers.runNixOSTest {
  name = "landscaper";

  nodes.landscaper = {
    imports = [ (import ./common/landscaper.nix { inherit self; }) ];
    services.nixops4-landscaper.apply.enable = true;
    environment.systemPackages = [ pkgs.hello ];
  };

  nodes.client =
    { lib, ... }:
    {
      networking = {
        # The firewall would drop TFTP answers, which come from a port to which nothing was sent.
        firewall.enable = false;
        interfaces.eth1 = {
          ipv4.addresses = lib.mkForce [ ];
          useDHCP = true;
        };
      };
      environment.systemPackages = [ pkgs.tftp-hpa ];
      nix.settings = {
        experimental-features = [ "nix-command" ];
        substituters = lib.mkForce [ ];
      };
      virtualisation.writableStore = true;
    };

  testScript = ''
    landscaper.start()
    landscaper.wait_for_unit("nixops4-boot-server.service")
    landscaper.wait_for_unit("dnsmasq.service")

    client.start()
    client.wait_until_succeeds("ip -4 address show dev eth1 | grep 10.0.0.1")

    with subtest("boot programs, by TFTP and by HTTP"):
        for name in ["undionly.kpxe", "snponly.efi"]:
            client.succeed(f"tftp 10.0.0.1 -m binary -c get {name} by-tftp")
            client.succeed(f"curl --fail --silent --output by-http http://10.0.0.1:8080/nbp/{name}")
            client.succeed("test -s by-tftp && cmp by-tftp by-http")

    with subtest("the boot service comes back, with its ports open all the time"):
        landscaper.succeed("systemctl kill --signal=KILL nixops4-boot-server.service")
        client.succeed("curl --fail --silent --retry 5 http://10.0.0.1:8080/ | grep -i '<html'")

    with subtest("the binary cache signs with the key that it made"):
        key = landscaper.succeed("cat /var/lib/nixops4-cache/public-key").strip()
        hello = landscaper.succeed("dirname $(dirname $(realpath $(type -p hello)))").strip()
        copy = f"nix copy --from http://10.0.0.1:5000 {hello} --option trusted-public-keys"
        client.fail(f"{copy} landscaper-1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        client.succeed(f"{copy} '{key}'")
        client.succeed(f"{hello}/bin/hello")
        landscaper.succeed("test $(stat --format=%a /var/lib/nixops4-cache/secret-key) = 600")

    with subtest("one apply at a time"):
        assert "never run" in landscaper.succeed("nixops4-apply --status")
        landscaper.succeed("flock /var/lib/nixops4-apply/lock sleep 5 >/dev/null 2>&1 &")
        landscaper.fail("nixops4-apply")

    with subtest("the example of a network"):
        landscaper.succeed("test -w /root/fediversity-network/flake.nix")
  '';
}
