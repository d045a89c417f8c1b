import { describe, expect, it } from "@jest/globals";
import { HttpError } from "./answers.ts";
import type { Route } from "./exchange.ts";
import { findRoute } from "./router.ts";

const route = (method: Route["method"], path: string): Route => ({ method, path, handle: async () => {} });
const ROUTES = [route("GET", "/"), route("GET", "/things/:id/parts/:part"), route("POST", "/jobs/:id")];

describe("findRoute", () => {
  it("fills in the parameters, decoded", () => {
    expect(findRoute(ROUTES, "GET", "/things/a%20b/parts/%C3%BC")).toEqual({
      route: ROUTES[1],
      params: { id: "a b", part: "ü" },
    });
  });

  it("answers HEAD wherever it answers GET", () => {
    expect(findRoute(ROUTES, "HEAD", "/").route).toBe(ROUTES[0]);
    expect(refused("HEAD", "/jobs/1")).toMatchObject({ status: 405, headers: { Allow: "POST" } });
    expect(refused("DELETE", "/")).toMatchObject({ status: 405, headers: { Allow: "GET, HEAD" } });
  });

  it.each(["", "*", "//", "/things", "/things/a/parts/b/", "/things//a/parts/b", "/../", "/jobs/../jobs/1/"])(
    "does not find %j",
    (path) => {
      expect(refused("GET", path)).toMatchObject({ status: 404 });
    },
  );

  it.each(["/things/%/parts/1", "/jobs/%00", "/jobs/%2f", "/jobs/..%5c", "/jobs/%ff", "/jobs/a%0ab", "/%zz"])(
    "refuses %j",
    (path) => {
      expect(refused("POST", path)).toMatchObject({ status: 400 });
    },
  );

  it("takes what looks like a property of objects for a name", () => {
    expect(findRoute(ROUTES, "POST", "/jobs/__proto__").params["id"]).toBe("__proto__");
  });
});

function refused(method: string, path: string): HttpError | undefined {
  try {
    findRoute(ROUTES, method, path);
  } catch (error) {
    if (error instanceof HttpError) return error;
    throw error;
  }
  return undefined;
}
