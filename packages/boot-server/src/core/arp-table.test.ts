import { expect, it } from "@jest/globals";
import { ArpTable } from "./arp-table.ts";

const TABLE = `IP address       HW type     Flags       HW address            Mask     Device
10.0.0.1         0x1         0x2         52:54:00:00:00:01     *        eth0
10.0.0.2         0x1         0x0         00:00:00:00:00:00     *        eth0
`;

it("finds complete entries, and reads the table at most once a second", async () => {
  let reads = 0;
  const table = new ArpTable(async () => {
    reads++;
    return TABLE;
  });
  expect(await table.macOf("10.0.0.1", 5_000)).toBe("52:54:00:00:00:01");
  expect(await table.macOf("10.0.0.2", 5_999)).toBeUndefined();
  expect(await table.macOf("10.0.0.3", 5_999)).toBeUndefined();
  expect(await table.macOf("IP", 5_999)).toBeUndefined();
  expect(await table.macOf("", 5_999)).toBeUndefined();
  expect(reads).toBe(1);
  await table.macOf("10.0.0.1", 6_000);
  expect(reads).toBe(2);
});

it("is empty where the kernel has none", async () => {
  const table = new ArpTable(async () => Promise.reject(new Error("ENOENT")));
  expect(await table.macOf("10.0.0.1", 0)).toBeUndefined();
});
