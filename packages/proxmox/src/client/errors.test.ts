import { describe, expect, it } from "@jest/globals";
import { ConnectError, PveError, TaskError } from "./errors.ts";

const FLAGS = [
  "isNotFound",
  "isTaken",
  "isChangedMeanwhile",
  "isUnknownTask",
  "isLocked",
  "isUnreached",
  "isUnreachable",
  "isUnanswered",
] as const;

describe("a refusal", () => {
  it.each([
    [404, "Not found", ["isNotFound"]],
    [500, "Configuration file 'nodes/pve/qemu-server/100.conf' does not exist", ["isNotFound"]],
    [500, "no such resource 'vm:100'", ["isNotFound"]],
    [500, "pool 'web' does not exist", ["isNotFound"]],
    [400, "volume does not exist", []],
    [500, "unable to create VM 100 - VM 100 already exists on node 'pve'", ["isTaken"]],
    [500, "resource ID 'vm:100' already defined", ["isTaken"]],
    [400, "VM 100 already exists", []],
    [500, "checksum mismatch (file change by other user?)", ["isChangedMeanwhile"]],
    [400, "checksum mismatch (file change by other user?)", []],
    [400, "no such task", ["isUnknownTask"]],
    [500, "no such task", []],
    [400, "other", []],
    [500, "VM is locked (backup)", ["isLocked"]],
    [500, "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout", ["isLocked"]],
    [595, "No route to host", ["isUnreached", "isUnreachable"]],
    [500, "hostname lookup 'pve2' failed - failed to get address info", ["isUnreachable"]],
    [400, "hostname lookup 'pve2' failed", []],
    [596, "Connection timed out", ["isUnanswered"]],
    [597, "Server closed the connection", ["isUnanswered"]],
    [599, "Connection broken", ["isUnanswered"]],
    [500, "QEMU guest agent is not running", []],
  ])("with %d %s is %j", (status, reason, flags) => {
    const error = new PveError("GET /x", status, reason);
    expect(FLAGS.filter((flag) => error[flag])).toEqual(flags);
  });

  it.each([
    [401, "Authentication failed!", "Check connection.tokenId and connection.tokenSecret."],
    [
      403,
      "Permission check failed (/vms/100, VM.Audit)",
      "Give the token this privilege, or a role that has it: Permission check failed (/vms/100, VM.Audit)",
    ],
    [500, "no", undefined],
  ])("with %d says what to do", (status, reason, hint) => {
    expect(new PveError("GET /x", status, reason).hint).toBe(hint);
  });

  it("names the parameters that are wrong", () => {
    const error = new PveError("POST /x", 400, "Parameter verification failed.", { vmid: "too small\n" });
    expect(error.message).toBe("POST /x: 400 Parameter verification failed.; vmid: too small");
  });
});

it.each([
  ["ECONNREFUSED", true],
  ["ETIMEDOUT", true],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", false],
  ["ENOTFOUND", false],
])("a connection that fails with %s may succeed later: %s", (code, mayPass) => {
  expect(new ConnectError("https://pve:8006", { code }).mayPass).toBe(mayPass);
});

it("a connection that fails without a code does not succeed later", () => {
  expect(new ConnectError("https://pve:8006", undefined).mayPass).toBe(false);
});

it.each([
  ["VM is locked (backup)", true],
  ["start failed", false],
])("a task that ended with %s met a lock: %s", (exitStatus, isLocked) => {
  const error = new TaskError("starting VM 100", exitStatus, ["one", "two"]);
  expect(error.isLocked).toBe(isLocked);
  expect(error.message).toBe(`starting VM 100 failed: ${exitStatus}\n  one\n  two`);
});
