import {
  describeError,
  ProviderError,
  sleep,
  timeoutSignal,
  type Context,
} from "@nixops4-providers/provider-sdk";
import { ConnectError } from "./connect-error.ts";
import type { ConnectionSettings } from "./connection-schema.ts";

import { prepareRoute } from "./endpoint.ts";
import type { Link } from "./link.ts";
import { endLinks, openRoute } from "./route.ts";
import { SharedWait } from "./shared-wait.ts";
import { SshConnection } from "./ssh-connection.ts";

/**
 * The seconds between two tries. OpenSSH 9.8 and later refuses an address for a while after many failed logins
 * (PerSourcePenalties: 5 s for each failure, enforced from 15 s on). These pauses stay below that.
 */
const PROBE_PAUSE = { first: 0.25, longest: 5 };
const LOGIN_PAUSE = { first: 2, longest: 30 };

/**
 * Tries to connect until it succeeds. Tries again when the host is down, is starting or does not accept the key yet. Throws
 * at once for a wrong host key and for a private key that cannot be used. With `reboots`, a wrong host key and an unknown
 * protocol are tried again as well, since they may be those of the initial ramdisk. Of several processes that wait for the
 * same host, one tries. Throws a {@link ConnectError} when the time is up.
 */
export async function waitForSsh(
  connection: ConnectionSettings,
  context: Context,
  options: { timeoutSeconds: number; reboots?: boolean },
): Promise<SshConnection> {
  const { timeoutSeconds, reboots = false } = options;
  const endpoints = await prepareRoute(connection, context);
  const { user, label } = endpoints.at(-1)!;
  const progress = context.progress(`waiting for SSH as ${user} on ${label}`);
  const timeUp = timeoutSignal(timeoutSeconds);
  const signal = AbortSignal.any([context.signal, timeUp]);
  const links: Link[] = [];
  const probePauses = pauses(PROBE_PAUSE);
  const loginPauses = pauses(LOGIN_PAUSE);
  const shared = await SharedWait.start(endpoints);
  let lastFailure: ConnectError | undefined;
  try {
    for (;;) {
      try {
        await shared.takeTurn(signal);
        await openRoute(endpoints, links, signal);
        await shared.tellSuccess();
        return new SshConnection(links, context.signal);
      } catch (error) {
        if (signal.aborted) throw error;
        // Only the host itself reboots, not the jump hosts.
        const mayBeRamdisk = reboots && links.length === endpoints.length - 1;
        if (!(error instanceof ConnectError) || !(mayBeRamdisk || isPassing(error))) throw error;
        lastFailure = error;
        await shared.tellFailure(error);
        progress.update(describeError(error).split("\n")[0]!);
        const next = error.reason === "authentication" ? loginPauses.next() : probePauses.next();
        await sleep(next.value, signal);
      }
    }
  } catch (error) {
    endLinks(links);
    if (context.signal.aborted) {
      throw new ProviderError(`waiting for SSH on ${label} was interrupted`, {
        cause: context.signal.reason,
      });
    }
    if (!timeUp.aborted) throw error;
    throw new ConnectError(
      "unreachable",
      `could not log in to ${label} as ${user} within ${timeoutSeconds} s`,
      {
        cause: lastFailure ?? (await shared.heard()) ?? new Error("it did not answer"),
      },
    );
  } finally {
    await shared.end();
    progress.done();
  }
}

function isPassing({ reason }: ConnectError): boolean {
  return reason === "unreachable" || reason === "dropped" || reason === "authentication";
}

/** Returns the pause, which doubles each time. It is a little shorter at random, so that many clients do not return at once. */
function* pauses({ first, longest }: { first: number; longest: number }): Generator<number, never> {
  for (let pause = first; ; pause = Math.min(pause * 2, longest)) yield pause * (0.8 + 0.2 * Math.random());
}
