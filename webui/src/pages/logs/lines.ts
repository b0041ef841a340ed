/** An entry of a log as the node gives it; a registered runtime may know less. */
export type Entry = Record<string, unknown>;

/** An entry ready to be shown. */
export interface Line {
  key: string;
  at: string | null;
  level: string;
  event: string;
  details: string;
  entry: Entry;
}

/** More are not kept: the oldest go. */
export const MOST_LINES = 5_000;
/** Threads write entries a little late: so much is asked for again. */
const OVERLAP_MS = 1_000;
const SHOWN_APART = new Set(["timestamp", "level", "event", "message", "logger"]);

export function lineOf(entry: Entry): Line {
  const details = Object.entries(entry)
    .filter(
      ([name, value]) => !SHOWN_APART.has(name) && value !== null && value !== undefined && value !== "",
    )
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  return {
    key: JSON.stringify(entry),
    at: typeof entry.timestamp === "string" && entry.timestamp !== "" ? entry.timestamp : null,
    level: String(entry.level ?? ""),
    event: String(entry.event ?? entry.message ?? ""),
    details: details.join("  "),
    entry,
  };
}

/** The lines with those of an answer that are new. */
export function merged(lines: readonly Line[], entries: readonly Entry[]): readonly Line[] {
  const known = new Set(lines.slice(-2 * entries.length - 100).map(({ key }) => key));
  const fresh = entries.map(lineOf).filter(({ key }) => !known.has(key));
  return fresh.length === 0 ? lines : [...lines, ...fresh].slice(-MOST_LINES);
}

/** From when on to ask for more; undefined: for all, as these lines tell no time. */
export function sinceOf(lines: readonly Line[]): string | undefined {
  const at = lines.reduce<string | null>(
    (last, line) => (line.at !== null && line.at > (last ?? "") ? line.at : last),
    null,
  );
  const ms = at === null ? NaN : Date.parse(at);
  return Number.isNaN(ms) ? undefined : new Date(ms - OVERLAP_MS).toISOString();
}

/** The lines that have all of the words somewhere. */
export function found(lines: readonly Line[], search: string): readonly Line[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return lines;
  return lines.filter(({ key }) => {
    const text = key.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** Which rows of a long list are in view, and a few around them. */
export function windowOf(
  scrollTop: number,
  height: number,
  rowHeight: number,
  count: number,
): { first: number; last: number } {
  const around = 10;
  const first = Math.max(0, Math.min(Math.floor(scrollTop / rowHeight), count) - around);
  const last = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + around);
  return { first, last: Math.max(first, last) };
}

/** The file that a download gives: one entry a line, as the node's own log files. */
export function fileOf(entries: readonly Entry[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
}

/** A name for it that every system takes. */
export function fileName(machine: string, now: Date): string {
  const plain = machine.replace(/[^\w.-]+/g, "-").replace(/^[.-]+/, "") || "machine";
  return `corral-${plain}-${now.toISOString().slice(0, 19).replaceAll(":", "")}.log`;
}
