import { describe, expect, it } from "vitest";
import { apiFilters, countOf, exportHref, filtersOf, matches, type RequestSummary } from "./filters";

const NOW = Date.parse("2026-01-31T12:00:00Z");

function filters(query: string) {
  return filtersOf(new URLSearchParams(query));
}

const request = {
  started_at: "2026-01-31T11:59:00Z",
  model: "m",
  endpoint: { id: "e1", name: "desk" },
  runtime: "desk",
  who: { kind: "api_key", id: "k1", name: "phone" },
  status: 404,
  outcome: "refused",
} as unknown as RequestSummary;

describe("filters of an address", () => {
  it("are everything without any", () => {
    expect(apiFilters(filters(""), NOW)).toEqual({});
    expect(filters("")).toMatchObject({ page: 1, perPage: "50" });
    expect(countOf(filters("page=3&per_page=10"))).toBe(0);
  });

  it.each(["status=lost", "status=6xx", "range=month", "page=-1", "page=x", "per_page=11", "start=soon"])(
    "leave out what makes no sense: %s",
    (query) => {
      expect(filters(query)).toEqual(filters(""));
    },
  );

  it("become times", () => {
    expect(apiFilters(filters("range=1h"), NOW)).toEqual({ start: "2026-01-31T11:00:00.000Z" });
    const own = apiFilters(filters("range=own&start=2026-01-30T10:00&end=2026-01-30T11:00"), NOW);
    expect(Date.parse(own.end!) - Date.parse(own.start!)).toBe(3_600_000);
  });

  it("go into the export", () => {
    expect(exportHref(filters("q=a+b&status=error&page=2"), "csv", NOW)).toBe(
      "/v0/dashboard/request-responses/export?q=a+b&status=error&format=csv",
    );
  });
});

describe("a request that ended just now", () => {
  it.each([
    ["", true],
    ["status=error", true],
    ["status=404", true],
    ["status=4xx", true],
    ["status=refused", true],
    ["status=ok", false],
    ["status=5xx", false],
    ["model=m", true],
    ["model=n", false],
    ["endpoint=e1", true],
    ["endpoint=desk", true],
    ["runtime=lap", false],
    ["user=k1", true],
    ["user=phone", true],
    ["user=k2", false],
    ["range=15m", true],
    ["range=own&start=2026-01-31T13:00Z", false],
    ["q=word", false],
  ])("with %s: %s", (query, expected) => {
    expect(matches(request, filters(query), NOW)).toBe(expected);
  });
});
