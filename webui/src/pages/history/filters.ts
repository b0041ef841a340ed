import type { Schema } from "../../api/client";

export type RequestSummary = Schema<"RequestSummary">;

export const PAGE_SIZES = ["10", "25", "50", "100"] as const;
export const RANGES = ["15m", "1h", "24h", "7d"] as const;
/** Refused or failed, in one word. */
export const FAILED = "error";

const MINUTE_MS = 60_000;
const RANGE_MS: Record<string, number> = {
  "15m": 15 * MINUTE_MS,
  "1h": 60 * MINUTE_MS,
  "24h": 24 * 60 * MINUTE_MS,
  "7d": 7 * 24 * 60 * MINUTE_MS,
};
const OUTCOMES = ["ok", "refused", "failed", "cancelled"];
const TEXTS = ["q", "model", "endpoint", "runtime", "user", "status", "range", "start", "end"] as const;

/** What the list shows; the empty text: everything. They stand in the page's address. */
export interface Filters {
  q: string;
  model: string;
  endpoint: string;
  runtime: string;
  user: string;
  status: string;
  /** One of RANGES, or "own" with `start` and `end` (local times as inputs give them). */
  range: string;
  start: string;
  end: string;
  page: number;
  perPage: string;
}

/** The filters of an address. What makes no sense is left out. */
export function filtersOf(query: URLSearchParams): Filters {
  const [q, model, endpoint, runtime, user, status, range, start, end] = TEXTS.map(
    (name) => query.get(name) ?? "",
  ) as [string, string, string, string, string, string, string, string, string];
  const page = Number(query.get("page") ?? "1");
  const perPage = query.get("per_page") ?? "";
  return {
    q,
    model,
    endpoint,
    runtime,
    user,
    status: isStatus(status) ? status : "",
    range: range in RANGE_MS || range === "own" ? range : "",
    start: unixMs(start) === null ? "" : start,
    end: unixMs(end) === null ? "" : end,
    page: Number.isInteger(page) && page > 0 ? page : 1,
    perPage: (PAGE_SIZES as readonly string[]).includes(perPage) ? perPage : "50",
  };
}

/** What the server is asked for, without the page. */
export function apiFilters(filters: Filters, now: number): Record<string, string> {
  const { q, model, endpoint, runtime, user, status } = filters;
  const { start, end } = timesOf(filters, now);
  const all = {
    q,
    model,
    endpoint,
    runtime,
    user,
    status,
    start: start === null ? "" : new Date(start).toISOString(),
    end: end === null ? "" : new Date(end).toISOString(),
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ""));
}

/** Where the export with these filters is. */
export function exportHref(filters: Filters, format: "csv" | "json", now: number): string {
  const query = new URLSearchParams({ ...apiFilters(filters, now), format });
  return `/v0/dashboard/request-responses/export?${query}`;
}

/** How many filters are set, search among them. */
export function countOf(filters: Filters): number {
  const { q, model, endpoint, runtime, user, status, range } = filters;
  return [q, model, endpoint, runtime, user, status, range].filter(Boolean).length;
}

/** Whether a request that ended just now belongs into the list. Its texts aren't known: a search finds nothing. */
export function matches(request: RequestSummary, filters: Filters, now: number): boolean {
  const { start, end } = timesOf(filters, now);
  const at = Date.parse(request.started_at);
  const { endpoint, who } = request;
  return (
    filters.q === "" &&
    (filters.model === "" || request.model === filters.model) &&
    (filters.endpoint === "" || [endpoint?.id, endpoint?.name].includes(filters.endpoint)) &&
    (filters.runtime === "" || request.runtime === filters.runtime) &&
    (filters.user === "" || [who?.id, who?.name].includes(filters.user)) &&
    statusMatches(request, filters.status) &&
    (start === null || at >= start) &&
    (end === null || at < end)
  );
}

function statusMatches({ status, outcome }: RequestSummary, wanted: string): boolean {
  if (wanted === "") return true;
  if (wanted === FAILED) return outcome === "refused" || outcome === "failed";
  if (wanted.endsWith("xx")) return Math.floor(status / 100) === Number(wanted[0]);
  return outcome === wanted || String(status) === wanted;
}

function timesOf({ range, start, end }: Filters, now: number): { start: number | null; end: number | null } {
  if (range === "own") return { start: unixMs(start), end: unixMs(end) };
  const length = RANGE_MS[range];
  return { start: length === undefined ? null : now - length, end: null };
}

function unixMs(local: string): number | null {
  const at = local === "" ? NaN : new Date(local).getTime();
  return Number.isNaN(at) ? null : at;
}

function isStatus(status: string): boolean {
  return status === FAILED || OUTCOMES.includes(status) || /^[1-5](\d\d|xx)$/.test(status);
}
