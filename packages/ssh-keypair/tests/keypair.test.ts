import * as fs from "node:fs";
import { jest } from "@jest/globals";
import type { Properties } from "@nixops4-providers/e2e";
import { parseJson, stringifyJson } from "@nixops4-providers/json";
import { describeKeypair } from "./keypair-scenarios.ts";
import { Member, type Recorded } from "./member.ts";

// In this process, so that `npm run mutate` can run it: the built executable would not have the changed code.

const STANDARD_ERROR = 2;
let logged = "";
jest.unstable_mockModule("node:fs", () => ({
  ...fs,
  default: fs,
  writeSync: (fd: number, bytes: Buffer, offset: number) => {
    if (fd !== STANDARD_ERROR) return fs.writeSync(fd, bytes, offset);
    logged += bytes.subarray(offset).toString();
    return bytes.length - offset;
  },
}));
const { answer } = await import("@nixops4-providers/provider-sdk");
const { provider } = await import("../src/provider.ts");

class MemberOfThisProcess extends Member {
  protected async run(inputs: object, recorded: Recorded | undefined, env: Record<string, string>) {
    Object.assign(process.env, env);
    logged = "";
    try {
      return outputsOf(await answer(provider, requestFor(inputs, recorded), new AbortController().signal));
    } finally {
      this.log += logged;
      for (const name of Object.keys(env)) delete process.env[name];
    }
  }
}

function requestFor(inputs: object, recorded: Recorded | undefined): string {
  const type = "keypair";
  if (recorded === undefined) {
    return stringifyJson({ createResourceRequest: { type, inputProperties: inputs, isStateful: true } });
  }
  const resource = { type, inputProperties: recorded.inputs, outputProperties: recorded.outputs };
  return stringifyJson({ updateResourceRequest: { resource, inputProperties: inputs } });
}

function outputsOf(response: object): Properties {
  const [body] = Object.values(response) as [{ message?: string; outputProperties?: Properties }];
  if (body.outputProperties === undefined) throw new Error(body.message);
  return parseJson(stringifyJson(body.outputProperties)) as Properties;
}

describeKeypair(() => new MemberOfThisProcess());
