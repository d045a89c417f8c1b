import { describe, expect, it } from "@jest/globals";
import { change, creation, observed, removal, unlocked } from "../../tests/changes.ts";
import { type Asked, withApi } from "../../tests/scripted-api.ts";
import { DesecBackend } from "./desec.ts";

const ZONE = "example.test.";
const PATH = "/domains/example.test/rrsets/";
const www = `www.${ZONE}`;

function shown(subname: string, type: string, records: string[], ttl = 300) {
  return { subname, type, ttl, records };
}

describe("a read", () => {
  it("follows the links to the next pages", async () => {
    const pages: Record<string, { body: unknown; headers?: Record<string, string> }> = {
      [`${PATH}?cursor=`]: {
        body: [shown("", "MX", ["10 mail"])],
        headers: {
          link: `<https://x/?cursor=a>; rel="first", <https://x${PATH}?x=1&cursor=:b%3D>; rel="next"`,
        },
      },
      [`${PATH}?cursor=:b%3D`]: {
        body: [shown("www", "A", ["192.0.2.1"], 60)],
        headers: { link: `<https://x${PATH}?cursor=a>; rel="prev"` },
      },
    };
    const found = await withApi(
      ({ path }) => pages[path],
      (api) => new DesecBackend(api, ZONE, unlocked).read([]),
    );
    expect(Object.fromEntries(found)).toEqual({
      [`${ZONE} MX`]: observed(ZONE, "MX", [`10 mail.${ZONE}`]),
      [`${www} A`]: observed(www, "A", ["192.0.2.1"], { ttl: 60 }),
    });
  });

  it("finds the zone of a name among those that the API names", async () => {
    await withApi(
      () => ({ body: [{ name: "example.test" }] }),
      async (api, asked) => {
        expect(await new DesecBackend(api, ZONE, unlocked).findZone(www)).toBe(ZONE);
        expect(asked.map(({ path }) => path)).toEqual(["/domains/?owns_qname=www.example.test&cursor="]);
      },
    );
  });
});

it("writes all changes in one request", async () => {
  const [a, mx] = [observed(www, "A", ["192.0.2.1"], { ttl: 60 }), observed(ZONE, "MX", [`10 mail.${ZONE}`])];
  const next = observed(www, "A", ["192.0.2.2"], { ttl: 90 });
  const respond = ({ method }: Asked) =>
    method === "GET" ? { body: [shown("www", "A", ["192.0.2.1"], 60), shown("", "MX", ["10 mail"])] } : {};
  await withApi(respond, async (api, asked) => {
    const changes = [change(a, next), removal(mx), creation(observed(www, "TXT", ['"x"']))];
    expect(await new DesecBackend(api, ZONE, unlocked).apply(changes)).toBe("applied");
    expect(
      asked.filter(({ method }) => method !== "GET").map((one) => [one.method, one.path, one.body]),
    ).toEqual([
      [
        "PATCH",
        PATH,
        [shown("www", "A", ["192.0.2.2"], 90), shown("", "MX", []), shown("www", "TXT", ['"x"'])],
      ],
    ]);
  });
});
