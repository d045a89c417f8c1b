export interface DnsmasqOptions {
  /**
   * With `dhcp`, dnsmasq assigns the addresses. With `proxy`, another server assigns them, and dnsmasq only adds the
   * options for network boot.
   */
  mode: "dhcp" | "proxy";
  interface: string;
  /** The address of the boot server. */
  server: string;
  /** The port of the boot server's HTTP server. */
  httpPort: number;
  /** The first and last address to assign, separated by a comma; with `proxy`, the address of the network. */
  range: string;
}

/** Returns the configuration that the how-to page recommends. */
export function dnsmasqConfig({ mode, interface: name, server, httpPort, range }: DnsmasqOptions): string {
  const http = `http://${server}:${httpPort}`;
  const common = `# No DNS, and nothing on other networks.
port=0
interface=${name}
bind-interfaces
dhcp-range=${range},${mode === "dhcp" ? "12h" : "proxy"}

# iPXE sends this, however it was loaded.
dhcp-userclass=set:ipxe,iPXE
`;
  const dhcp = `
# Which firmware it is: the client architecture, option 93.
dhcp-match=set:bios,option:client-arch,0
dhcp-match=set:efi-x64,option:client-arch,7
dhcp-match=set:efi-x64,option:client-arch,9
dhcp-match=set:efi-arm64,option:client-arch,11
dhcp-match=set:http-x64,option:client-arch,16
dhcp-match=set:http-arm64,option:client-arch,19

# Firmware loads iPXE by TFTP, or by HTTP if that is how it boots: then it also wants to read "HTTPClient".
dhcp-boot=tag:!ipxe,tag:bios,undionly.kpxe,,${server}
dhcp-boot=tag:!ipxe,tag:efi-x64,snponly.efi,,${server}
dhcp-boot=tag:!ipxe,tag:efi-arm64,snponly-arm64.efi,,${server}
dhcp-boot=tag:!ipxe,tag:http-x64,${http}/nbp/snponly.efi
dhcp-boot=tag:!ipxe,tag:http-arm64,${http}/nbp/snponly-arm64.efi
dhcp-option-force=tag:!ipxe,tag:http-x64,option:vendor-class,HTTPClient
dhcp-option-force=tag:!ipxe,tag:http-arm64,option:vendor-class,HTTPClient

# iPXE loads its script, and need not wait for a proxyDHCP server.
dhcp-boot=tag:ipxe,${http}/boot.ipxe
dhcp-option=tag:ipxe,encap:175,176,1b
`;
  const proxy = `
# Firmware loads iPXE by TFTP. BC_EFI is what x64 machines with UEFI may say, too.
pxe-service=tag:!ipxe,x86PC,"iPXE",undionly.kpxe,${server}
pxe-service=tag:!ipxe,x86-64_EFI,"iPXE",snponly.efi,${server}
pxe-service=tag:!ipxe,BC_EFI,"iPXE",snponly.efi,${server}
pxe-service=tag:!ipxe,ARM64_EFI,"iPXE",snponly-arm64.efi,${server}

# iPXE loads its script. It wants the server's address here, too.
dhcp-boot=tag:ipxe,${http}/boot.ipxe,,${server}
`;
  return common + (mode === "dhcp" ? dhcp : proxy);
}
