/** Entries of a runtime's log as lines: time, level and words first, then whatever else it says. */
export function logText(entries: readonly Record<string, unknown>[]): string {
  return entries.map(line).join("\n");
}

const FIRST = ["timestamp", "time", "at", "level", "event", "message", "msg"];

function line(entry: Record<string, unknown>): string {
  const first = FIRST.filter((name) => name in entry).map((name) => shown(entry[name]));
  const rest = Object.entries(entry)
    .filter(([name]) => !FIRST.includes(name))
    .map(([name, value]) => `${name}=${shown(value)}`);
  return [...first, ...rest].join(" ");
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
