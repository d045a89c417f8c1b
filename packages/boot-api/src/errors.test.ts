import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "@jest/globals";
import { describeError } from "@nixops4-providers/provider-sdk";
import { callError } from "./errors.ts";

const convert = (code: status, details: string) =>
  callError({ code, details }, "put the entry x", "boot:8443");
const WHAT = "cannot put the entry x at the boot service boot:8443";
const CERTIFICATE_HINT =
  "The server's certificate was not accepted: check `caCertificate`, the host in `address`, and the clocks.";
const SERVICE_HINT =
  "Check with `systemctl status nixops4-boot-server` that the service is running, and that it listens at this address.";
const CLOSED_HINT =
  "The server closed the connection. Over TCP, it requires a client certificate from its own CA.";
const SOCKET_HINT = "This user may not write to the socket: add the user to the socket's group.";

describe("the error of a failed call", () => {
  it.each([
    [status.OUT_OF_RANGE, "the install is over", "OUT_OF_RANGE", "the install is over", ""],
    [status.ABORTED, "", "ABORTED", "ABORTED", ""],
    [
      status.DEADLINE_EXCEEDED,
      "no answer within 60 s",
      "DEADLINE_EXCEEDED",
      "no answer within 60 s",
      "\nThe service did not answer in time. Check its load and the network.",
    ],
    [
      status.UNIMPLEMENTED,
      "no such method",
      "UNIMPLEMENTED",
      "no such method",
      "\nThe service is older or newer than this provider: use the same version of both.",
    ],
    [
      status.INTERNAL,
      "disk full",
      "INTERNAL",
      "disk full",
      "\nSee the log of the service: `journalctl -u nixops4-boot-server`.",
    ],
  ])("of the status %i with %j is final", (code, details, name, reason, hint) => {
    const error = convert(code, details);
    expect(describeError(error)).toBe(`${WHAT}: ${reason}${hint}`);
    expect({ code: error.code, isPassing: error.isPassing }).toEqual({ code: name, isPassing: false });
  });

  it("of a service that stops may pass", () => {
    const error = convert(status.CANCELLED, "Call cancelled");
    expect(describeError(error)).toBe(
      `${WHAT}: the service canceled the call\nCheck that the service is running, and that this machine can reach it.`,
    );
    expect({ code: error.code, isPassing: error.isPassing }).toEqual({
      code: "UNAVAILABLE",
      isPassing: true,
    });
  });

  it.each([
    ["connect EACCES /run/boot", SOCKET_HINT, false],
    ["connect EPERM /run/boot", SOCKET_HINT, false],
    ["self-signed certificate", CERTIFICATE_HINT, false],
    ["unable to verify the first certificate", CERTIFICATE_HINT, false],
    ["Hostname/IP does not match certificate's altnames", CERTIFICATE_HINT, false],
    ["certificate has expired", CERTIFICATE_HINT, false],
    ["certificate is not yet valid", CERTIFICATE_HINT, false],
    ["connect ENOENT /run/boot", SERVICE_HINT, true],
    ["connect ECONNREFUSED 10.0.0.1:8443", SERVICE_HINT, true],
    ["read ECONNRESET", CLOSED_HINT, true],
    ["tlsv13 alert certificate required", CLOSED_HINT, true],
    ["write EPROTO", CLOSED_HINT, true],
    ["socket hang up", CLOSED_HINT, true],
    ["too busy", "Check that the service is running, and that this machine can reach it.", true],
  ])("of an unavailable service with %j says what to do", (reason, hint, isPassing) => {
    const error = convert(status.UNAVAILABLE, reason);
    expect(describeError(error)).toBe(`${WHAT}: ${reason}\n${hint}`);
    expect(error.isPassing).toBe(isPassing);
  });

  it.each([
    ["No connection established. Last error: Error: connect EACCES x", "connect EACCES x"],
    ["No connection established. Last error: connect EACCES x. Resolution note: ", "connect EACCES x"],
    ["connect EACCES x (2026-07-01T10:20:30.456Z)", "connect EACCES x"],
    ["connect EACCES x (in a folder)", "connect EACCES x (in a folder)"],
  ])("has no text of grpc-js around its reason: %s", (details, reason) => {
    expect(convert(status.UNAVAILABLE, details).message).toBe(`${WHAT}: ${reason}`);
  });
});
