import type { AnyAuthMethod, AuthenticationType } from "ssh2";
import { ConnectError } from "./connect-error.ts";
import { UNREACHABLE_HINT } from "./dial.ts";
import type { Endpoint } from "./endpoint.ts";
import { hostKeyMismatch } from "./host-key.ts";

const MAX_GREETING_LENGTH = 1024;
const MAX_BANNER_LENGTH = 1_000;

/** sshd's default for MaxAuthTries. */
const MAX_AUTH_TRIES = 6;

/** Tracks how far a connection attempt got, which decides the meaning of its error. */
export class Attempt {
  phase: "key exchange" | "login" = "key exchange";
  presented: Buffer | undefined;
  accepted = false;
  readonly #endpoint: Endpoint;
  #greeting = "";
  /** The banner that the host shows before the login, such as the reason why it refuses logins. */
  #banner = "";
  #methods: AnyAuthMethod[];
  #acceptedMethods: readonly string[] = [];
  /** Whether the host accepted the key and requires another method as well. */
  #isPartial = false;
  #agentError: Error | undefined;

  constructor(endpoint: Endpoint) {
    this.#endpoint = endpoint;
    const { login, user } = endpoint;
    this.#methods = [
      login.type === "agent"
        ? { type: "agent", username: user, agent: login.agent }
        : { type: "publickey", username: user, key: login.key },
    ];
  }

  nextMethod(accepted: readonly AuthenticationType[] | null, isPartial: boolean | null): AnyAuthMethod {
    if (accepted !== null) this.#acceptedMethods = accepted;
    this.#isPartial ||= isPartial === true;
    // ssh2 ends the attempt on `false`, which its types lack.
    return this.#methods.shift() ?? (false as unknown as AnyAuthMethod);
  }

  sawData(chunk: Buffer): void {
    if (!this.#sawBanner && this.#greeting.length < MAX_GREETING_LENGTH)
      this.#greeting += chunk.toString("latin1");
  }

  takeBanner(message: string): void {
    this.#banner = (this.#banner + message).slice(0, MAX_BANNER_LENGTH);
  }

  timedOut(): ConnectError {
    const { label, timeoutSeconds } = this.#endpoint;
    const what = this.#sawBanner ? `${this.phase} did not finish` : "no SSH banner";
    return new ConnectError("unreachable", `cannot connect to ${label}: ${what} within ${timeoutSeconds} s`, {
      hint: this.#sawBanner
        ? "The host may be overloaded, or an SSH agent may be waiting for you."
        : UNREACHABLE_HINT,
    });
  }

  /** Translates an error of ssh2; `undefined` when the attempt goes on. */
  failure(error: Error & { level?: string; code?: unknown }): ConnectError | undefined {
    const { label } = this.#endpoint;
    if (error.level === "agent") {
      this.#agentError = error;
      return undefined;
    }
    if (this.presented !== undefined && !this.accepted)
      return hostKeyMismatch(this.#endpoint, this.presented);
    if (error.message.includes("Handshake failed")) {
      return new ConnectError("protocol", `SSH handshake with ${label} failed: no common algorithms`, {
        cause: error,
      });
    }
    // The code is a number when the server sent a DISCONNECT message with a reason.
    const isRefusal = error.level === "client-authentication" || typeof error.code === "number";
    if (this.phase === "login") return isRefusal ? this.#refused(error) : this.#ended(error);
    if (!this.#sawBanner) return this.#dropped(error);
    return new ConnectError("unreachable", `the connection to ${label} was lost during ${this.phase}`, {
      cause: error,
    });
  }

  #refused(error: Error): ConnectError {
    const { label, user, login } = this.#endpoint;
    const accepted = this.#acceptedMethods.join(", ");
    if (this.#isPartial) {
      return this.#needsMore(
        `${label} accepted the key ${login.keys.join(", ")} for ${user} and then requires ${accepted}`,
      );
    }
    if (accepted !== "" && !this.#acceptedMethods.includes("publickey")) {
      return this.#needsMore(`${label} accepts only ${accepted} for ${user}`);
    }
    const via = login.type === "agent" ? "from the SSH agent" : "given as privateKey";
    const methods = accepted === "" ? "" : `; it accepts ${accepted}`;
    const tooMany = login.keys.length >= MAX_AUTH_TRIES;
    return new ConnectError(
      "authentication",
      `${label} refused the login of ${user} with the key ${login.keys.join(", ")} ${via}${methods}${this.#says}`,
      {
        cause: this.#agentError ?? error,
        hint: tooMany
          ? "An SSH server ends the connection after a few keys (MaxAuthTries): set `privateKey` to the right one."
          : `Add that public key to the authorized keys of ${user} on the host, or check \`user\` and \`privateKey\`.`,
      },
    );
  }

  #needsMore(what: string): ConnectError {
    return new ConnectError("authentication", `${what}${this.#says}`, {
      hint:
        "A key must be enough to log in: in sshd_config of the host, set `AuthenticationMethods publickey` and " +
        "`PubkeyAuthentication yes` for this user (in a `Match User` block).",
    });
  }

  /** sshd counts this as a failed login of this address. */
  #ended(cause: Error): ConnectError {
    const { label, user } = this.#endpoint;
    const message = `${label} closed the connection while ${user} logged in${this.#says}`;
    return new ConnectError("authentication", message, {
      cause,
      hint: "A host that is starting or going down refuses logins (pam_nologin).",
    });
  }

  get #says(): string {
    const banner = this.#banner.trim();
    return banner === "" ? "" : `; it says: ${banner.replaceAll(/\s*\n\s*/g, " / ")}`;
  }

  #dropped(cause: Error): ConnectError {
    const { label } = this.#endpoint;
    const said = this.#greeting.trim();
    const quote = said === "" ? "" : `; it said: ${JSON.stringify(said.slice(0, 200))}`;
    return new ConnectError(
      "dropped",
      `${label} closed the connection before it sent an SSH banner${quote}`,
      {
        cause,
        hint:
          "An SSH server does so when it has too many connections (MaxStartups), or when it punishes this address " +
          "for failed logins (PerSourcePenalties).",
      },
    );
  }

  get #sawBanner(): boolean {
    return /^SSH-/m.test(this.#greeting);
  }
}
