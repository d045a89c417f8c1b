import { describe, expect, it } from "@jest/globals";
import { ProviderError } from "@nixops4-providers/provider-sdk";
import { activationError } from "./activation-error.ts";
import type { OperationStatus } from "./operation-status.ts";
import type { Inputs } from "./schema.ts";

const inputs = {
  toplevel: "/nix/store/new",
  profile: "/profiles/system",
  activationTimeoutSeconds: 600,
  lockTimeoutSeconds: 120,
  rollback: { enable: true, confirmTimeoutSeconds: 60 },
} as Inputs;

const status: OperationStatus = {
  phase: "done",
  outcome: "rolled-back",
  reason: "exit-code",
  exitCode: 2,
  holder: "",
  previousToplevel: "/nix/store/old",
  previousLink: "system-7-link",
  details: "",
  currentSystem: "/nix/store/old",
};

function messageFor(changes: Partial<OperationStatus>, failure?: unknown): string {
  return activationError({ ...status, ...changes }, { inputs, label: "web1:22", logTail: ["last"], failure })
    .message;
}

describe("activationError", () => {
  const BACK = "The host was rolled back to /nix/store/old, generation 7 of /profiles/system";
  const LOG = "\nThe end of its log:\n  last";

  it("says why, what was restored, and how the log ends", () => {
    expect(messageFor({})).toBe(
      `cannot activate /nix/store/new on web1:22: switch-to-configuration failed with exit code 2 (the activation script failed). ${BACK}${LOG}`,
    );
  });

  it.each([
    [{ reason: "timeout" }, "switch-to-configuration did not finish within 600 s and was ended"],
    [{ reason: "failed-units", details: "a.service, b.mount" }, "a.service, b.mount. The host"],
    [{ reason: "failed-units" }, "units failed (exit code 4), but its log names none"],
    [{ reason: "unconfirmed" }, "it was not confirmed within 60 s"],
    [{ reason: "boot-loader" }, "could not be made the default of the boot loader"],
    [{ reason: "not-current", currentSystem: "/nix/store/x" }, "succeeded, but the host runs /nix/store/x"],
  ])("knows %j", (changes, text) => expect(messageFor(changes)).toContain(text));

  it("says why the deployer did not confirm", () => {
    const failure = new ProviderError("it was not confirmed within 60 s", {
      cause: new ProviderError("the health check TCP web1:80 failed", { hint: "a hint" }),
    });
    expect(messageFor({ reason: "rejected" }, failure)).toContain(
      `: it was not confirmed within 60 s: the health check TCP web1:80 failed. ${BACK}`,
    );
  });

  it("does not claim a rollback that was not made or did not work", () => {
    const now = { currentSystem: "/nix/store/new" };
    expect(messageFor({ ...now, outcome: "failed" })).toContain(
      "left as it is (rollback is disabled): it runs /nix/store/new now",
    );
    expect(messageFor({ ...now, outcome: "rollback-failed" })).toContain(
      "could not be rolled back to /nix/store/old, generation 7 of /profiles/system: it runs /nix/store/new now",
    );
  });

  it("says that nothing was changed where the profile cannot have a folder", () => {
    const status = {
      outcome: "failed",
      reason: "profile-folder",
      details: "mkdir: /profiles: Not a directory",
    };
    expect(messageFor(status)).toBe(
      "cannot activate /nix/store/new on web1:22: the folder /profiles of the profile cannot be created: mkdir: /profiles: Not a directory",
    );
  });

  it("names who holds the lock", () => {
    expect(messageFor({ outcome: "failed", reason: "busy", holder: "bob@laptop" })).toBe(
      "cannot activate /nix/store/new on web1:22: another activation did not finish within 120 s: bob@laptop",
    );
  });
});
