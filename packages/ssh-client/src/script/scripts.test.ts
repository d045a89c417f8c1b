import { expect, it } from "@jest/globals";
import { complaintsAbout, hasShellcheck } from "@nixops4-providers/test-servers";
import readBootId from "../read-boot-id.sh";
import enter from "./enter.sh";
import host from "./host.sh";
import login from "./login.sh";
import { loginLine } from "./protocol.ts";
import session from "./session.sh";
import watchdog from "./watchdog.sh";

(hasShellcheck ? it : it.skip)(
  "shells and shellcheck (skipped where it is not installed) have nothing against the scripts",
  () => expect(complaintsAbout({ enter, host, login, readBootId, session, watchdog })).toBe(""),
  60_000,
);

it("the line for the login shell has nothing that any shell reads in its own way", () => {
  const line = loginLine({ mark: "MARK", secret: "SECRET" });
  expect(line).toMatch(/^exec \/bin\/sh -c '[^'\\!\n\r\t]*'$/);
  expect(line.length).toBeLessThan(1000);
  // What is sent back as it was sent is not taken for the host's own words.
  expect(line).not.toMatch(/MARK (ready|lost|terminal)|SECRET/);
});
