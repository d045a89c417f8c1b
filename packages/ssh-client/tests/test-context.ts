import type { Context } from "@nixops4-providers/provider-sdk";
// Not part of the SDK's public side: providers are handed their context.
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
