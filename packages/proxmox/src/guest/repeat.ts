import { sleep } from "@nixops4-providers/provider-sdk";
import type { PveClient } from "../client/client.ts";
import { LostAnswerError, PveError } from "../client/errors.ts";

const ATTEMPTS = 5;

/**
 * Runs a flow that observes before it acts. Restarts it when an answer was lost, when the guest was changed
 * by another client at the same time, and when the guest moved to another node.
 */
export async function repeat<Result>(client: PveClient, flow: () => Promise<Result>): Promise<Result> {
  const start = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await flow();
    } catch (error) {
      const isLate = performance.now() - start >= client.retrySeconds * 1000;
      if (attempt === ATTEMPTS || isLate || !mayPass(error)) throw error;
      client.context.log.debug(`starting over: ${(error as Error).message}`);
      await sleep(0.2 * attempt, client.context.signal);
    }
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof LostAnswerError) return true;
  return error instanceof PveError && (error.isChangedMeanwhile || error.isNotFound);
}
