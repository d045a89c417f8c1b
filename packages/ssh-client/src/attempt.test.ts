import { describe, expect, it } from "@jest/globals";
import { publicKeyFromBlob, parsePublicKey } from "@nixops4-providers/ssh-keys";
import { Attempt } from "./attempt.ts";
import type { ConnectFailure } from "./connect-error.ts";
import type { Endpoint } from "./endpoint.ts";

const PINNED = parsePublicKey(
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPcnSKd6mWHg0QLBHpQSwR0WJAB7qDyjFh1gJ17qk6Wx",
);
const OTHER = parsePublicKey(
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAW+qCM7N1kX8eVjKkvtPlXcmK9zDbeLhx0McxkRfb4g",
);
const BANNER = Buffer.from("SSH-2.0-OpenSSH_9.2\r\n");

const endpoint = (keys = ["ssh-ed25519 SHA256:key"], type: "publickey" | "agent" = "publickey") =>
  ({
    label: "web1:22",
    user: "root",
    pins: [publicKeyFromBlob(PINNED.blob)],
    timeoutSeconds: 10,
    login: { type, keys, key: "the key", agent: "the agent" },
  }) as unknown as Endpoint;

const error = (message: string, facts: { level?: string; code?: unknown } = {}) =>
  Object.assign(new Error(message), facts);

interface Case {
  what: string;
  /** What happened before. */
  before?: (attempt: Attempt) => void;
  error: ReturnType<typeof error>;
  reason: ConnectFailure;
  says: string;
  hint?: string;
  not?: string;
}

const loggingIn = (attempt: Attempt) => {
  attempt.sawData(BANNER);
  attempt.presented = PINNED.blob;
  attempt.accepted = true;
  attempt.phase = "login";
};
const refusal = error("All configured authentication methods failed", { level: "client-authentication" });
const accepting =
  (methods: ("password" | "publickey")[], isPartial: boolean | null) => (attempt: Attempt) => {
    loggingIn(attempt);
    attempt.nextMethod(null, null);
    attempt.nextMethod(methods, isPartial);
  };

describe("a failed attempt", () => {
  it.each<Case>([
    {
      what: "another host key",
      before: (attempt) => (attempt.presented = OTHER.blob),
      error: error("Handshake failed: host verification failed"),
      reason: "host-key",
      says: "the host key of web1:22 is not the expected one: expected SHA256:",
    },
    {
      what: "no common algorithm",
      error: error("Handshake failed: no matching key exchange algorithm"),
      reason: "protocol",
      says: "SSH handshake with web1:22 failed: no common algorithms",
    },
    {
      what: "an end before the banner",
      error: error("the host closed the connection"),
      reason: "dropped",
      says: "web1:22 closed the connection before",
      not: "; it said",
    },
    {
      what: "another protocol",
      before: (attempt) => attempt.sawData(Buffer.from("HTTP/1.1 400\r\n")),
      error: error("the host closed the connection"),
      reason: "dropped",
      says: '; it said: "HTTP/1.1 400"',
    },
    {
      what: "an end during the key exchange",
      before: (attempt) => attempt.sawData(BANNER),
      error: error("read ECONNRESET"),
      reason: "unreachable",
      says: "the connection to web1:22 was lost during key exchange",
    },
    {
      what: "a disconnect during the key exchange",
      before: (attempt) => attempt.sawData(BANNER),
      error: error("Protocol error", { code: 2 }),
      reason: "unreachable",
      says: "was lost during key exchange",
    },
    {
      what: "a refused key",
      before: accepting(["publickey", "password"], false),
      error: refusal,
      reason: "authentication",
      says: "refused the login of root with the key ssh-ed25519 SHA256:key given as privateKey; it accepts publickey, password",
      hint: "Add that public key to the authorized keys of root",
    },
    {
      what: "a refused key, without a word of what is accepted",
      before: loggingIn,
      error: refusal,
      reason: "authentication",
      says: "with the key ssh-ed25519 SHA256:key given as privateKey",
      not: "it accepts",
    },
    {
      what: "a disconnect at the login",
      before: loggingIn,
      error: error("Too many authentication failures", { code: 2 }),
      reason: "authentication",
      says: "refused the login of root",
    },
    {
      what: "passwords only",
      before: accepting(["password"], false),
      error: refusal,
      reason: "authentication",
      says: "web1:22 accepts only password for root",
      hint: "A key must be enough to log in",
    },
    {
      what: "a password on top",
      before: accepting(["password"], true),
      error: refusal,
      reason: "authentication",
      says: "web1:22 accepted the key ssh-ed25519 SHA256:key for root and then requires password",
      hint: "A key must be enough to log in",
    },
    {
      what: "a password on top, of which the host reminds later without saying so",
      before: (attempt) => {
        accepting(["password"], true)(attempt);
        attempt.nextMethod(["password"], null);
      },
      error: refusal,
      reason: "authentication",
      says: "for root and then requires password",
    },
    {
      what: "an end at the login",
      before: loggingIn,
      error: error("the host closed the connection"),
      reason: "authentication",
      says: "web1:22 closed the connection while root logged in",
      hint: "pam_nologin",
      not: "it says",
    },
    {
      what: "an end at the login with a banner",
      before: (attempt) => {
        loggingIn(attempt);
        attempt.takeBanner(" The system is\n");
        attempt.takeBanner("going down. \n");
      },
      error: error("the host closed the connection"),
      reason: "authentication",
      says: "; it says: The system is / going down.",
    },
    {
      what: "an end at the login, with a code of the system",
      before: loggingIn,
      error: error("read ECONNRESET", { code: "ECONNRESET" }),
      reason: "authentication",
      says: "closed the connection while root logged in",
    },
  ])("by $what", ({ before, error, reason, says, hint, not }) => {
    const attempt = new Attempt(endpoint());
    before?.(attempt);
    const failure = attempt.failure(error)!;
    expect(failure.reason).toBe(reason);
    expect(failure.message).toContain(says);
    if (hint !== undefined) expect(failure.hint).toContain(hint);
    if (not !== undefined) expect(failure.message).not.toContain(not);
  });

  it.each([
    [1, "authorized keys"],
    [5, "authorized keys"],
    [6, "MaxAuthTries"],
    [7, "MaxAuthTries"],
  ])("with %d keys of an agent has the right advice", (count, advice) => {
    const attempt = new Attempt(endpoint(Array<string>(count).fill("key"), "agent"));
    loggingIn(attempt);
    const failure = attempt.failure(refusal)!;
    expect(failure.message).toContain("from the SSH agent");
    expect(failure.hint).toContain(advice);
  });

  it("goes on after an error of the agent, which is the cause of a refusal that follows", () => {
    const attempt = new Attempt(endpoint(["key"], "agent"));
    loggingIn(attempt);
    const agentError = error("agent failure", { level: "agent" });
    expect(attempt.failure(agentError)).toBeUndefined();
    expect(attempt.failure(refusal)!.cause).toBe(agentError);
    expect(new Attempt(endpoint()).failure(error("agent failure", { level: "client-socket" }))).toBeDefined();
  });
});

describe("a timeout", () => {
  it.each([
    ["before the banner", () => {}, "no SSH banner within 10 s", "Check the address"],
    [
      "during the key exchange",
      (attempt: Attempt) => attempt.sawData(BANNER),
      "key exchange did not finish within 10 s",
      "overloaded",
    ],
    ["during the login", loggingIn, "login did not finish within 10 s", "overloaded"],
  ])("%s is named", (_, before, says, hint) => {
    const attempt = new Attempt(endpoint());
    before(attempt);
    const failure = attempt.timedOut();
    expect(failure).toMatchObject({ reason: "unreachable", hint: expect.stringContaining(hint) });
    expect(failure.message).toBe(`cannot connect to web1:22: ${says}`);
  });
});

describe("what an unverified host says", () => {
  it("is kept up to a limit before its banner", () => {
    const attempt = new Attempt(endpoint());
    for (let n = 0; n < 1024; n++) attempt.sawData(Buffer.from("x"));
    attempt.sawData(Buffer.concat([Buffer.from("\n"), BANNER]));
    expect(attempt.timedOut().message).toContain("no SSH banner");
  });

  it("may have lines before its banner", () => {
    const attempt = new Attempt(endpoint());
    attempt.sawData(Buffer.from("hello\r\n"));
    attempt.sawData(BANNER);
    expect(attempt.timedOut().message).toContain("key exchange");
  });

  it("is quoted up to a limit at the login", () => {
    const attempt = new Attempt(endpoint());
    loggingIn(attempt);
    for (let n = 0; n < 100; n++) attempt.takeBanner("x".repeat(100));
    expect(attempt.failure(error("closed"))!.message).toHaveLength(
      "web1:22 closed the connection while root logged in; it says: ".length + 1000,
    );
  });
});

describe("the methods to log in with", () => {
  it("are one key or the agent, once", () => {
    const attempt = new Attempt(endpoint());
    expect(attempt.nextMethod(null, null)).toEqual({ type: "publickey", username: "root", key: "the key" });
    expect(attempt.nextMethod(["publickey"], false)).toBe(false);
    expect(new Attempt(endpoint([], "agent")).nextMethod(null, null)).toEqual({
      type: "agent",
      username: "root",
      agent: "the agent",
    });
  });
});
