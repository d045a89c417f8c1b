import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { builtProvider, ProviderProcess } from "@nixops4-providers/e2e";
import { type DnsServer, startKnot, startNamed, startPowerDns } from "@nixops4-providers/test-servers";
import { TOKEN } from "./cloud/cloud-fake.ts";
import {
  BACKENDS,
  dnsServersAvailable,
  type LabBackend,
  Member,
  SECRET,
  temporaryFolder,
  startForSuite,
} from "./lab.ts";

const suite = dnsServersAvailable ? describe : describe.skip;
/** Long, and unlike anything else that is printed; JSON writes a part of it with a backslash. */
const PLANTED = 'planted-"7c1f0b5e93-secret-of-nobody';
const PLANTED_KEY = Buffer.from("planted TSIG secret of nobody").toString("base64");
/** A part of it is a leak, too. */
const PIECE = 10;
const RECORD_SET = { type: "record_set", inputs: { name: "www", type: "A", values: ["192.0.2.1"] } };
const RECORDS = { type: "records", inputs: { records: { www: { A: { values: ["192.0.2.1"] } } } } };
const ZONE = { type: "zone", inputs: { name: "new.test" } };

/** The command lines of all processes of this machine. */
function commandLines(): string {
  const lines = readdirSync("/proc").map((entry) => {
    try {
      return /^\d+$/.test(entry) ? readFileSync(`/proc/${entry}/cmdline`, "latin1") : "";
    } catch {
      return "";
    }
  });
  return lines.join("\n");
}

interface Resource {
  type: string;
  inputs: object;
}

/** Creates resources in one process; everything that it shows. */
async function show(resources: Resource[], env: Record<string, string> = {}) {
  const provider = new ProviderProcess(builtProvider("dns"), {
    onStderr: () => {},
    env: { NIXOPS4_PROVIDER_DEBUG: "1", ...env },
  });
  const answers: string[] = [];
  try {
    for (const { type, inputs } of resources) {
      const common = type === "zone" ? {} : { zone: "example.test", verify: { authoritative: false } };
      const request = { type, inputProperties: { ...common, ...inputs }, isStateful: true };
      answers.push(JSON.stringify(await provider.request({ createResourceRequest: request })));
    }
  } finally {
    await provider.close();
  }
  return { answers, all: answers.join("\n") + provider.stderr };
}

function onServer(server: object, { type, inputs }: Resource): Resource {
  return { type, inputs: { server, ...inputs } };
}

function expectNoPieceOf(secret: string, text: string): void {
  for (let start = 0; start + PIECE <= secret.length; start++)
    expect(text).not.toContain(secret.slice(start, start + PIECE));
}

/** An API that repeats in its answer what it was sent, the credentials too. */
class Echo {
  /** What it answers; `ECHO` stands for the headers of the request. */
  answer: { status: number; headers?: Record<string, string>; text: string } = { status: 422, text: "ECHO" };
  received = "";
  commandLines = "";
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const credential = String(request.headers["x-api-key"] ?? request.headers.authorization);
      this.received += credential;
      this.commandLines += commandLines();
      const { status, headers, text } = this.answer;
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(text.replace("ECHO", () => credential).replace("JSON", () => JSON.stringify(credential)));
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

const APIS = [
  { kind: "powerdns", field: "apiKey", resources: [RECORD_SET, RECORDS, ZONE] },
  ...["hetzner", "desec", "cloudflare", "gandi"].map((kind) => ({
    kind,
    field: "token",
    resources: [RECORD_SET, RECORDS],
  })),
];

const REQUESTS = APIS.flatMap(({ kind, field, resources }) =>
  resources.map((resource) => ({ kind, field, ...resource })),
);

/** How many characters come before the credential, where an error shows 300. */
const CUTS = [250, 255, 260, 265, 270, 275, 280, 285, 290];

suite("the credential of an API that repeats it in errors", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let echo: Echo;
  let url: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeFile(join(folder.path, "secret"), PLANTED, { mode: 0o600 });
    echo = new Echo();
    url = await echo.start();
  });
  afterAll(async () => {
    echo?.stop();
    await folder?.remove();
  });

  it.each(REQUESTS)("is in nothing that $type of $kind shows, whatever its source", async (request) => {
    const { kind, field } = request;
    const file = join(folder.path, "secret");
    const sources = [{ value: PLANTED }, { file }, { env: "PLANTED" }, { command: ["cat", file] }];
    echo.answer = { status: 422, text: '{"error": JSON}' };
    [echo.received, echo.commandLines] = ["", ""];
    const resources = sources.map((source) => onServer({ [kind]: { url, [field]: source } }, request));
    const { answers, all } = await show(resources, { PLANTED });
    expect(echo.received.split(PLANTED)).toHaveLength(sources.length + 1);
    for (const answer of answers) expect(answer).toMatch(/errorResponse.*422.*\[secret\]/);
    expectNoPieceOf(PLANTED, all + echo.commandLines);
  });

  it("is refused as a part of the URL", async () => {
    const withPassword = url.replace("//", "//me:planted-password@");
    const { answers, all } = await show(
      APIS.map(({ kind, field }) =>
        onServer({ [kind]: { url: withPassword, [field]: { value: PLANTED } } }, RECORD_SET),
      ),
    );
    for (const [index, { kind }] of APIS.entries())
      expect(answers[index]).toContain(
        `server.${kind}.url: must be a URL without a password, such as https://`,
      );
    expectNoPieceOf("planted-password", all);
  });

  it.each([
    ["a text", { status: 403, text: "ECHO" }],
    ["a redirection", { status: 302, headers: { location: "http://192.0.2.1/" }, text: "ECHO" }],
    ["no JSON", { status: 200, text: "ECHO" }],
    ["other JSON", { status: 200, text: "[JSON]" }],
    ["a quota", { status: 429, headers: { "retry-after": "999999" }, text: "ECHO" }],
  ])("is in no error about %s", async (_, answered) => {
    echo.answer = answered;
    const { answers, all } = await show(
      REQUESTS.map((one) => onServer({ [one.kind]: { url, [one.field]: { value: PLANTED } } }, one)),
    );
    for (const answer of answers) expect(answer).toContain("errorResponse");
    expectNoPieceOf(PLANTED, all);
  });

  describe("in an error that is cut", () => {
    let provider: ProviderProcess;
    beforeAll(() => void (provider = new ProviderProcess(builtProvider("dns"), { onStderr: () => {} })));
    afterAll(() => provider.close());

    it.each(CUTS)("is replaced as a whole after %s characters", async (before) => {
      const server = { cloudflare: { url, token: { value: PLANTED } } };
      echo.answer = { status: 422, text: `${"x".repeat(before)} ECHO` };
      const applied = provider.create(
        "record_set",
        { ...RECORD_SET.inputs, server, zone: "example.test" },
        true,
      );
      const message = await applied.then(
        () => "",
        (error: Error) => error.message,
      );
      expect(message).toContain("failed: 422 xxx");
      expectNoPieceOf(PLANTED, message);
    });
  });
});

suite.each([
  { label: "BIND", start: startNamed },
  { label: "Knot", start: startKnot },
  { label: "PowerDNS", start: startPowerDns },
])("a TSIG secret that $label refuses", ({ start }) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: DnsServer;

  beforeAll(async () => {
    folder = await temporaryFolder();
    const keys = [{ name: "known", algorithm: "hmac-sha256", secret: SECRET }];
    server = await start({ folder: folder.path, keys, zones: [{ name: "example.test" }] });
  });
  afterAll(async () => {
    await server?.stop();
    await folder?.remove();
  });

  it.each(["known", "unknown"])("is in nothing that is shown, by the name of an %s key", async (name) => {
    const { address, port } = server;
    const servers = ["tcp", "udp"].map((transport) => ({
      rfc2136: { address, port, transport, tsig: { name, secret: { value: PLANTED_KEY } } },
    }));
    const { answers, all } = await show(
      servers.flatMap((one) => [RECORD_SET, RECORDS].map((resource) => onServer(one, resource))),
    );
    for (const answer of answers) expect(answer).toContain("errorResponse");
    expectNoPieceOf(PLANTED_KEY, all);
  });

  it("is in no error about the secret itself", async () => {
    const { address, port } = server;
    const tsig = { name: "known", secret: { value: `${PLANTED_KEY}!` } };
    const { answers, all } = await show([onServer({ rfc2136: { address, port, tsig } }, RECORD_SET)]);
    expect(answers[0]).toContain("not base64");
    expectNoPieceOf(PLANTED_KEY, all);
  });
});

suite.each(BACKENDS)("the credential that $label takes", ({ start }) => {
  let backend: LabBackend;

  startForSuite(start, (started) => (backend = started));

  it("is in no answer and no log", async () => {
    const { server } = backend;
    const [secret] = [SECRET, TOKEN, "test-api-key"].filter((one) => JSON.stringify(server).includes(one));
    const resources = "powerdns" in server ? [RECORD_SET, RECORDS, ZONE] : [RECORD_SET, RECORDS];
    const { answers, all } = await show(resources.map((resource) => onServer(server, resource)));
    for (const answer of answers) expect(answer).toContain("createResourceResponse");
    expectNoPieceOf(secret!, all);
  });

  it("is in no error about a conflict", async () => {
    await backend.foreign([`update add other.example.test. 600 A 192.0.2.9`]);
    const [secret] = [SECRET, TOKEN, "test-api-key"].filter((one) =>
      JSON.stringify(backend.server).includes(one),
    );
    const refused = new Member(backend).apply({ name: "other", type: "A", ttl: 600, values: ["192.0.2.1"] });
    const message = await refused.then(
      () => "",
      (error: Error) => error.message,
    );
    expect(message).toContain("other.example.test. A belongs to");
    expectNoPieceOf(secret!, message);
  });
});
