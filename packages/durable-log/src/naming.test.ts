import { expect, it } from "@jest/globals";
import { naming } from "./naming.ts";

const failed = (message: string, code?: string) =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

it.each([
  ["an error of an open file", failed("EIO: i/o error, read", "EIO"), "EIO: i/o error, read '/a'"],
  [
    "an error that has the path",
    failed("ENOENT: no such file, open '/a'", "ENOENT"),
    "ENOENT: no such file, open '/a'",
  ],
  ["an error of ours", failed("damaged at byte 7"), "damaged at byte 7"],
])("names the file in %s", async (_, error, message) => {
  await expect(naming("/a", Promise.reject(error))).rejects.toBe(error);
  expect(error.message).toBe(message);
});

it("leaves what is no error alone", async () => {
  await expect(naming("/a", Promise.resolve(7))).resolves.toBe(7);
  // oxlint-disable-next-line prefer-promise-reject-errors -- what a library may do
  await expect(naming("/a", Promise.reject("text"))).rejects.toBe("text");
});
