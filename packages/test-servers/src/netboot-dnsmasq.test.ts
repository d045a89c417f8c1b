import { describe, expect, it } from "@jest/globals";
import { readFile } from "node:fs/promises";
import { dnsmasqConfig } from "./netboot-dnsmasq.ts";

const PAGE = new URL("../../../docs/how-to/netboot-with-dnsmasq.md", import.meta.url);

describe("the how-to page", () => {
  it.each([
    ["dhcp", "192.168.1.50,192.168.1.99"],
    ["proxy", "192.168.1.0"],
  ] as const)("shows the configuration that tests run (%s)", async (mode, range) => {
    const settings = { mode, interface: "lan0", server: "192.168.1.1", httpPort: 8080, range };
    expect(await readFile(PAGE, "utf8")).toContain(`\`\`\`ini\n${dnsmasqConfig(settings)}\`\`\`\n`);
  });
});
