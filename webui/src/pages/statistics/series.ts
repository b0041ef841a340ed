import type { Schema } from "../../api/client";
import type { ChartData } from "../../components/chart";

export type UsedRow = Schema<"UsedRow">;
export type Period = "hour" | "day" | "month";
export const RANGES = ["24h", "7d", "30d", "12m"] as const;
export type Range = (typeof RANGES)[number];
export const KINDS = ["model", "key", "user", "endpoint", "address"] as const;
export type Kind = (typeof KINDS)[number];
/** So many have a colour of their own; the rest is one series. */
export const MOST_SERIES = 5;

const HOUR_S = 3_600;
const DAY_S = 24 * HOUR_S;
const PERIODS: Record<Range, Period> = { "24h": "hour", "7d": "hour", "30d": "day", "12m": "month" };

/** What an address says, or what is usual. */
export function rangeOf(given: string | null): Range {
  return RANGES.find((range) => range === given) ?? "7d";
}

export function kindOf(given: string | null): Kind {
  return KINDS.find((kind) => kind === given) ?? "model";
}

/** The length of a bar. */
export function periodOf(range: Range): Period {
  return PERIODS[range];
}

/** When each bar begins (Unix time), the running one last. */
export function beginnings(range: Range, now: number): number[] {
  const at = now / 1000;
  if (range === "12m") {
    const today = new Date(now);
    const months = today.getUTCFullYear() * 12 + today.getUTCMonth();
    return Array.from({ length: 12 }, (_, place) => {
      const month = months - 11 + place;
      return Date.UTC(Math.floor(month / 12), month % 12, 1) / 1000;
    });
  }
  const [length, many] = { "24h": [HOUR_S, 24], "7d": [HOUR_S, 168], "30d": [DAY_S, 30] }[range] as [
    number,
    number,
  ];
  const last = Math.floor(at / length) * length;
  return Array.from({ length: many }, (_, place) => last - (many - 1 - place) * length);
}

/** One series for each of the busiest and one for the others, with a value for each time; where nothing was: 0. */
export function chartOf(
  rows: readonly UsedRow[],
  times: readonly number[],
  value: (row: UsedRow) => number,
  named: (row: UsedRow) => string,
): ChartData {
  const place = new Map(times.map((time, at) => [time, at]));
  const series = new Map<string, { label: string; values: number[]; others: boolean }>();
  for (const row of rows) {
    const at = place.get(Date.parse(row.period) / 1000);
    if (at === undefined) continue;
    const key = row.id ?? "\0others";
    const found = series.get(key) ?? {
      label: named(row),
      values: Array<number>(times.length).fill(0),
      others: row.id === null,
    };
    found.values[at] = (found.values[at] ?? 0) + value(row);
    series.set(key, found);
  }
  const sorted = [...series.values()].sort(
    (one, other) => Number(one.others) - Number(other.others) || sum(other.values) - sum(one.values),
  );
  const bars = distinct(sorted).map(({ label, values }) => ({ label, values, kind: "bars" as const }));
  return { times, series: bars, stacked: true };
}

export interface Total {
  id: string;
  name: string;
  requests: number;
  failures: number;
  refusals: number;
  prompt: number;
  cached: number;
  completion: number;
  total: number;
}

/** What each used in the whole time, the busiest first; the others last. */
export function totalsOf(rows: readonly UsedRow[], named: (row: UsedRow) => string): Total[] {
  const totals = new Map<string, Total>();
  for (const row of rows) {
    const id = row.id ?? "\0others";
    const before = totals.get(id);
    totals.set(id, {
      id,
      name: named(row),
      requests: (before?.requests ?? 0) + row.requests,
      failures: (before?.failures ?? 0) + row.failures,
      refusals: (before?.refusals ?? 0) + row.refusals,
      prompt: (before?.prompt ?? 0) + row.prompt_tokens,
      cached: (before?.cached ?? 0) + row.cached_tokens,
      completion: (before?.completion ?? 0) + row.completion_tokens,
      total: (before?.total ?? 0) + row.total_tokens,
    });
  }
  const last = (total: Total) => Number(total.id === "\0others");
  return [...totals.values()].sort(
    (one, other) => last(one) - last(other) || other.total - one.total || other.requests - one.requests,
  );
}

/** The sum of all of them. */
export function sumOf(totals: readonly Total[]): Omit<Total, "id" | "name"> {
  const all = (name: keyof Omit<Total, "id" | "name">) => sum(totals.map((total) => total[name]));
  return {
    requests: all("requests"),
    failures: all("failures"),
    refusals: all("refusals"),
    prompt: all("prompt"),
    cached: all("cached"),
    completion: all("completion"),
    total: all("total"),
  };
}

/** Durations over time as lines, in seconds; null where nothing was answered. */
export function latencyChart(
  points: readonly Schema<"LatencyPoint">[],
  times: readonly number[],
  labels: { half: string; most: string; firstToken: string },
): ChartData {
  const found = new Map(points.map((point) => [Date.parse(point.period) / 1000, point]));
  const line = (value: (point: Schema<"LatencyPoint">) => number | undefined) =>
    times.map((time) => {
      const point = found.get(time);
      const ms = point && value(point);
      return ms === undefined ? null : ms / 1000;
    });
  return {
    times,
    series: [
      { label: labels.most, values: line((point) => point.duration_ms.p95), tone: 3 },
      { label: labels.half, values: line((point) => point.duration_ms.p50), tone: 1 },
      { label: labels.firstToken, values: line((point) => point.first_token_ms?.p50), tone: 2 },
    ],
  };
}

/** Two of the same name get a number. */
function distinct<T extends { label: string }>(series: readonly T[]): T[] {
  const seen = new Map<string, number>();
  return series.map((each) => {
    const times = (seen.get(each.label) ?? 0) + 1;
    seen.set(each.label, times);
    return times === 1 ? each : { ...each, label: `${each.label} (${times})` };
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0);
}
