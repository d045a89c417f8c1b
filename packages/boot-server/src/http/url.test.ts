import { expect, it } from "@jest/globals";
import { httpUrl } from "./url.ts";

it.each([
  ["10.0.0.1", "http://10.0.0.1:8080"],
  ["fd00::1", "http://[fd00::1]:8080"],
  ["fe80::1%eth0", "http://[fe80::1]:8080"],
])("the URL of %s is %s", (address, url) => {
  expect(httpUrl(address, 8080)).toBe(url);
});
