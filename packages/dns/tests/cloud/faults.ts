import type { Fault } from "./cloud-fake.ts";

/** Refuses one of `every` requests, and tells when to try again. */
export function tooMany(every: number, headers: Record<string, string> = { "retry-after": "1" }): Fault {
  let count = 0;
  return async (request, next) =>
    ++count % every === 0 ? { status: 429, headers, body: { detail: "throttled" } } : next(request);
}

/** Refuses requests that come before the quota is filled again, as it was told. */
export function quota(
  perSecond: number,
  tell: (left: number, seconds: number) => Record<string, string>,
): Fault {
  let left = perSecond;
  let fillsAt = performance.now() + 1000;
  return async (request, next) => {
    if (performance.now() >= fillsAt) [left, fillsAt] = [perSecond, performance.now() + 1000];
    if (left === 0) return { status: 429, headers: { "retry-after": "120" } };
    left -= 1;
    const answer = await next(request);
    const seconds = Math.max(1, Math.ceil((fillsAt - performance.now()) / 1000));
    return answer === undefined
      ? answer
      : { ...answer, headers: { ...answer.headers, ...tell(left, seconds) } };
  };
}

/** Makes one of `every` writes, and breaks the connection instead of answering. */
export function lostAnswer(every: number): Fault {
  let count = 0;
  return async (request, next) => {
    const answer = await next(request);
    return request.method !== "GET" && ++count % every === 0 ? undefined : answer;
  };
}

/** Fails a request after four, six, five and seven others, and does nothing. */
export function broken(): Fault {
  const gaps = [4, 6, 5, 7];
  let left = gaps[0]!;
  let failures = 0;
  return async (request, next) => {
    if (left-- > 0) return next(request);
    left = gaps[++failures % gaps.length]!;
    return { status: 503 };
  };
}

/** Shows what was written only so many milliseconds later. */
export function lagging(ms: number): Fault {
  return async (request, next, fake) => {
    if (request.method === "GET") return next(request);
    const zones = new Map(fake.zones);
    const answer = await next(request);
    fake.lag = { zones, until: performance.now() + ms };
    return answer;
  };
}
