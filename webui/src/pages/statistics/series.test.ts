import { describe, expect, it } from "vitest";
import type { Schema } from "../../api/client";
import { beginnings, chartOf, kindOf, latencyChart, rangeOf, sumOf, totalsOf, type UsedRow } from "./series";

const NOW = Date.parse("2026-03-05T12:34:56Z");

function used(period: string, id: string | null, tokens: number, requests = 1): UsedRow {
  return {
    period,
    id,
    name: id,
    requests,
    failures: 0,
    refusals: 0,
    prompt_tokens: tokens,
    cached_tokens: 0,
    completion_tokens: 0,
    total_tokens: tokens,
  };
}

const named = (row: UsedRow) => row.name ?? "Others";

describe("times", () => {
  it.each([
    ["24h", 24, "2026-03-04T13:00:00.000Z", "2026-03-05T12:00:00.000Z"],
    ["7d", 168, "2026-02-26T13:00:00.000Z", "2026-03-05T12:00:00.000Z"],
    ["30d", 30, "2026-02-04T00:00:00.000Z", "2026-03-05T00:00:00.000Z"],
    ["12m", 12, "2025-04-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"],
  ] as const)("of %s", (range, many, first, last) => {
    const times = beginnings(range, NOW);
    expect(times.length).toBe(many);
    expect([times[0], times.at(-1)].map((time) => new Date(time! * 1000).toISOString())).toEqual([
      first,
      last,
    ]);
  });

  it("are chosen in the address", () => {
    expect([rangeOf("30d"), rangeOf("9y"), rangeOf(null)]).toEqual(["30d", "7d", "7d"]);
    expect([kindOf("key"), kindOf("shoe")]).toEqual(["key", "model"]);
  });
});

describe("usage", () => {
  const days = ["2026-03-04T00:00:00.000Z", "2026-03-05T00:00:00.000Z"] as const;
  const times = days.map((day) => Date.parse(day) / 1000);
  const rows = [
    used(days[0], "a", 1),
    used(days[1], "a", 2),
    used(days[1], null, 50, 9),
    used(days[1], "b", 5),
  ];

  it("is a series for each, the busiest first and the others last", () => {
    const data = chartOf(rows, times, (row) => row.total_tokens, named);
    expect(data.series.map(({ label, values }) => [label, values])).toEqual([
      ["b", [0, 5]],
      ["a", [1, 2]],
      ["Others", [0, 50]],
    ]);
  });

  it("leaves out what is outside, and tells equal names apart", () => {
    const data = chartOf(
      [used("2026-01-01T00:00:00.000Z", "z", 1), { ...rows[0]!, id: "x", name: "a" }, rows[0]!],
      times,
      (row) => row.requests,
      named,
    );
    expect(data.series.map(({ label }) => label)).toEqual(["a", "a (2)"]);
  });

  it("is summed", () => {
    const totals = totalsOf(rows, named);
    expect(totals.map(({ name, total, requests }) => [name, total, requests])).toEqual([
      ["b", 5, 1],
      ["a", 3, 2],
      ["Others", 50, 9],
    ]);
    expect(sumOf(totals)).toMatchObject({ total: 58, requests: 12 });
  });
});

it("durations are lines with gaps", () => {
  const ms = { p50: 1000, p90: 2000, p95: 3000, p99: 4000, max: 5000 };
  const point: Schema<"LatencyPoint"> = {
    period: "2026-03-05T00:00:00.000Z",
    answered: 1,
    duration_ms: ms,
    first_token_ms: null,
  };
  const time = Date.parse(point.period) / 1000;
  const data = latencyChart([point], [time - 60, time], { half: "h", most: "m", firstToken: "f" });
  expect(data.series.map(({ label, values }) => [label, values])).toEqual([
    ["m", [null, 3]],
    ["h", [null, 1]],
    ["f", [null, null]],
  ]);
});
