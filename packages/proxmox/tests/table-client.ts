import { PveError } from "../src/client/errors.ts";
import type { Params, PveClient } from "../src/client/client.ts";

/** A request and its parameters, such as `["GET /pools", { poolid: "web" }]`. */
type Asked = [what: string, params: Params];

/** The answers by method and path, such as `GET /nodes`. An error is thrown; a function is called with the parameters. */
export type Answers = Record<string, unknown>;

/** Returns an answer that is another one each time. The last one stays. */
export function inTurn(...answers: unknown[]): (params: Params) => unknown {
  return (params) => resolve(answers.length > 1 ? answers.shift() : answers[0], params);
}

/** A client that answers from a table, and records requests and logged lines. A request that is not in it fails. */
export function tableClient(
  answers: Answers,
  { retrySeconds = 0, signal = new AbortController().signal } = {},
) {
  const asked: Asked[] = [];
  const log: string[] = [];
  const note = (kind: string) => (text: string) => void log.push(`${kind}: ${text}`);
  const request = async (method: string, path: string, params: Params = {}) => {
    const what = `${method} ${path}`;
    asked.push([what, params]);
    if (!(what in answers)) throw new Error(`there is no answer for ${what}`);
    return resolve(answers[what], params);
  };
  const client = {
    retrySeconds,
    context: {
      signal,
      log: { info: note("info"), warn: note("warn"), debug: note("debug") },
      progress: (what: string) => {
        note("progress")(what);
        return { update: note("update"), done: () => {} };
      },
    },
    request,
    get: (path: string, params?: Params) => request("GET", path, params),
    retry: (_: string, attempt: () => Promise<unknown>) => attempt(),
  } as unknown as PveClient;
  return { client, asked, log, writes: () => asked.filter(([what]) => !what.startsWith("GET ")) };
}

function resolve(answer: unknown, params: Params): unknown {
  if (answer instanceof Error) throw answer;
  return typeof answer === "function" ? (answer as (params: Params) => unknown)(params) : answer;
}

/** The answers for one guest: its configuration as text, and what is pending. */
export function guestAnswers(
  path: string,
  config: Record<string, string>,
  {
    status = "running",
    pending = [],
    ...more
  }: { status?: string; pending?: object[]; lock?: string; ha?: object } = {},
): Answers {
  return {
    [`GET ${path}/pending`]: [...Object.entries(config).map(([key, value]) => ({ key, value })), ...pending],
    [`GET ${path}/status/current`]: { status, ...more },
  };
}

/** The answer about a guest that does not exist. */
export const GONE = new PveError(
  "GET /x",
  500,
  "Configuration file 'nodes/pve/qemu-server/100.conf' does not exist",
);
