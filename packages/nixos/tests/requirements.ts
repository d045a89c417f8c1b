import { describe } from "@jest/globals";
import { missingForNamespaces } from "./namespace-target.ts";

/**
 * Like `describe`, but skips the suite, with the reason in its name, when the requirements of a namespace target are
 * missing.
 */
export function describeWithNamespaces(name: string, suite: () => void): void {
  const missing = missingForNamespaces();
  if (missing === undefined) describe(name, suite);
  else describe.skip(`${name} (skipped: ${missing})`, suite);
}
