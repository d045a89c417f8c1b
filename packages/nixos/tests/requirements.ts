import { describe } from "@jest/globals";
import { missingForNamespaces } from "./namespace-target.ts";

/** As `describe`; skipped, visibly, where what a namespace target needs is missing. */
export function describeWithNamespaces(name: string, suite: () => void): void {
  const missing = missingForNamespaces();
  if (missing === undefined) describe(name, suite);
  else describe.skip(`${name} (skipped: ${missing})`, suite);
}
