import type { Duplex } from "node:stream";
import { startTimer } from "@nixops4-providers/provider-sdk";
import type { AnyAuthMethod, AuthenticationType, Client, ServerHostKeyAlgorithm } from "ssh2";
import { ConnectError } from "./connect-error.ts";
import { dialTcp, dialThrough, UNREACHABLE_HINT } from "./dial.ts";
import type { Endpoint } from "./endpoint.ts";
import { ALL_HOST_KEY_ALGORITHMS, formatHostKey, hostKeyMismatch, pinnedAlgorithms } from "./host-key.ts";
import { loadSsh2 } from "./load-ssh2.ts";

/** A connection to one host that was authenticated in both directions. */
export interface Link {
  readonly client: Client;
  readonly endpoint: Endpoint;
  /** The pinned key that the host presented. */
  readonly hostPublicKey: string;
  /** Why the link is no longer there; `undefined` while it is. */
  readonly lost: Error | undefined;
  end(): void;
}

/** A host that says nothing for this long, although asked, is gone. */
const KEEPALIVE_SECONDS = 5;
const KEEPALIVES_UNANSWERED = 3;

const MAX_BANNER_LENGTH = 1_000;

/** sshd's default for MaxAuthTries. */
const MAX_AUTH_TRIES = 6;

/** Connects, directly or from a jump host on, checks the host's key and logs in. */
export async function openLink(
  endpoint: Endpoint,
  hop: Link | undefined,
  signal: AbortSignal,
): Promise<Link> {
  try {
    return await openLinkOver(await dial(endpoint, hop, signal), endpoint, signal);
  } catch (error) {
    if (!isAboutKeyTypes(error)) throw error;
    throw hostKeyMismatch(endpoint, await askForHostKey(endpoint, hop, signal));
  }
}

/** As {@link openLink}, over an existing stream to the host. */
export function openLinkOver(stream: Duplex, endpoint: Endpoint, signal: AbortSignal): Promise<Link> {
  return shakeHands(endpoint, stream, signal, {
    algorithms: pinnedAlgorithms(endpoint.pins),
    accepts: (blob) => endpoint.pins.some((pin) => pin.blob.equals(blob)),
  });
}

/** As {@link openLink}, but whatever key the host presents: anyone may be at the other end. */
export async function openUnverifiedLink(
  endpoint: Endpoint,
  hop: Link | undefined,
  signal: AbortSignal,
): Promise<Link> {
  const anyKey = { algorithms: ALL_HOST_KEY_ALGORITHMS, accepts: () => true };
  return shakeHands(endpoint, await dial(endpoint, hop, signal), signal, anyKey);
}

function dial(endpoint: Endpoint, hop: Link | undefined, signal: AbortSignal): Promise<Duplex> {
  if (hop === undefined) return dialTcp(endpoint, signal);
  return dialThrough({ client: hop.client, label: hop.endpoint.label }, endpoint, signal);
}

/** Connects to see the host's key, and goes no further. */
async function askForHostKey(
  endpoint: Endpoint,
  hop: Link | undefined,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  let presented: Buffer | undefined;
  const accepts = (blob: Buffer) => {
    presented = blob;
    return false;
  };
  try {
    const socket = await dial(endpoint, hop, signal);
    await shakeHands(endpoint, socket, signal, { algorithms: ALL_HOST_KEY_ALGORITHMS, accepts });
  } catch {
    // It always fails.
  }
  return presented;
}

function isAboutKeyTypes(error: unknown): boolean {
  return (
    error instanceof ConnectError &&
    error.cause instanceof Error &&
    error.cause.message.includes("no matching host key format")
  );
}

interface HostKeyRule {
  algorithms: readonly ServerHostKeyAlgorithm[];
  accepts(blob: Buffer): boolean;
}

async function shakeHands(
  endpoint: Endpoint,
  socket: Duplex,
  signal: AbortSignal,
  rule: HostKeyRule,
): Promise<Link> {
  const { Client } = await loadSsh2();
  const client = new Client();
  const attempt = new Attempt(endpoint);
  try {
    return await new Promise<Link>((resolve, reject) => {
      const startPhase = () => startTimer(endpoint.timeoutSeconds, () => reject(attempt.timedOut()));
      let stopTimer = startPhase();
      const onAbort = () => reject(signal.reason as Error);
      const cleanUp = () => {
        stopTimer();
        signal.removeEventListener("abort", onAbort);
      };
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
      client.on("handshake", () => {
        attempt.phase = "login";
        stopTimer();
        stopTimer = startPhase();
      });
      client.on("banner", (message: string) => attempt.takeBanner(message));
      client.once("ready", () => {
        cleanUp();
        resolve(watch(client, socket, endpoint, formatHostKey(attempt.presented!)));
      });
      client.on("error", (error) => {
        const failure = attempt.failure(error);
        if (failure === undefined) return;
        cleanUp();
        reject(failure);
      });
      client.on("close", () => {
        cleanUp();
        reject(attempt.failure(new Error("the host closed the connection"))!);
      });
      client.connect({
        sock: socket,
        username: endpoint.user,
        algorithms: { serverHostKey: [...rule.algorithms] },
        hostVerifier: (blob: Buffer) => {
          attempt.presented = blob;
          attempt.accepted = rule.accepts(blob);
          return attempt.accepted;
        },
        authHandler: (methods, partial, next) => next(attempt.nextMethod(methods, partial)),
        readyTimeout: 0,
        keepaliveInterval: KEEPALIVE_SECONDS * 1000,
        // ssh2 only counts answers to its own questions, which wait behind an upload on a slow link.
        keepaliveCountMax: Infinity,
      });
      socket.on("data", (chunk: Buffer) => attempt.sawData(chunk));
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** How far connecting got, and what its failing then means. */
class Attempt {
  phase: "key exchange" | "login" = "key exchange";
  presented: Buffer | undefined;
  accepted = false;
  readonly #endpoint: Endpoint;
  #greeting = "";
  /** What the host says to the user who logs in, such as why it lets nobody in just now. */
  #banner = "";
  #methods: AnyAuthMethod[];
  #acceptedMethods: readonly string[] = [];
  /** Whether the host took the key, and wants more. */
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
    // ssh2 ends the attempt on `false`, which its types do not know.
    return this.#methods.shift() ?? (false as unknown as AnyAuthMethod);
  }

  sawData(chunk: Buffer): void {
    if (!this.#sawBanner && this.#greeting.length < 1024) this.#greeting += chunk.toString("latin1");
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

  /** What an error from ssh2 means; `undefined` when the attempt goes on. */
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
    // A number is the reason of a DISCONNECT message: the server says why it ends the connection.
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
        `${label} took the key ${login.keys.join(", ")}, and then asks ${user} for ${accepted}`,
      );
    }
    if (accepted !== "" && !this.#acceptedMethods.includes("publickey")) {
      return this.#needsMore(`${label} lets ${user} in by ${accepted} only`);
    }
    const via = login.type === "agent" ? "from the SSH agent" : "given as privateKey";
    const methods = accepted === "" ? "" : `; it accepts ${accepted}`;
    const tooMany = login.keys.length >= MAX_AUTH_TRIES;
    return new ConnectError(
      "authentication",
      `${label} refused to let ${user} in with the key ${login.keys.join(", ")} ${via}${methods}${this.#says}`,
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

  /** For sshd this is a failed login as any other, which it counts against this address. */
  #ended(cause: Error): ConnectError {
    const { label, user } = this.#endpoint;
    const message = `${label} ended the connection while ${user} logged in${this.#says}`;
    return new ConnectError("authentication", message, {
      cause,
      hint: "A host that is starting or going down lets no users in (pam_nologin).",
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
      `${label} ended the connection before it said that it speaks SSH${quote}`,
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

function watch(client: Client, socket: Duplex, endpoint: Endpoint, hostPublicKey: string): Link {
  let lost: Error | undefined;
  let unanswered = 0;
  socket.on("data", () => (unanswered = 0));
  const timer = setInterval(() => {
    unanswered += 1;
    if (unanswered <= KEEPALIVES_UNANSWERED) return;
    lost ??= new Error(`it has not answered for ${unanswered * KEEPALIVE_SECONDS} s`);
    socket.destroy();
  }, KEEPALIVE_SECONDS * 1000);
  client.removeAllListeners("error").on("error", (error) => (lost ??= error));
  client.removeAllListeners("close").on("close", () => {
    clearInterval(timer);
    lost ??= new Error("the connection was closed");
  });
  return {
    client,
    endpoint,
    hostPublicKey,
    get lost() {
      return lost;
    },
    end() {
      clearInterval(timer);
      client.end();
    },
  };
}
