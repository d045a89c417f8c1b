import type { Context } from "@nixops4-providers/provider-sdk";
// The function is not exported by the SDK, since providers receive their context.
import { createContext } from "../../provider-sdk/src/context.ts";
import { Redactor } from "../../provider-sdk/src/redactor.ts";

export function testContext(signal: AbortSignal = new AbortController().signal): Context {
  return createContext({
    provider: "test",
    type: "test",
    isStateful: false,
    signal,
    redactor: new Redactor(),
  });
}
