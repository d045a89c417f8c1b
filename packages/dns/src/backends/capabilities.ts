import type { Capabilities } from "./backend.ts";

const MAX_TTL = 2 ** 31 - 1;

export const RFC2136_CAPABILITIES: Capabilities = {
  compareAndSet: true,
  atomicBatch: true,
  ttl: { min: 0, max: MAX_TTL },
  marker: "record",
  refusedTypes: [],
  servesAsWritten: true,
  lagSeconds: 1,
};

export const POWERDNS_CAPABILITIES: Capabilities = {
  compareAndSet: false,
  atomicBatch: true,
  ttl: { min: 0, max: MAX_TTL },
  marker: "comment",
  refusedTypes: [],
  servesAsWritten: true,
  lagSeconds: 2,
};
