import { time } from "../../format";

export interface LogLine {
  at: string;
  level: string;
  words: string;
}

const SHOWN_APART = new Set(["timestamp", "level", "event", "message", "logger"]);

/** An entry of a log as one line: time, level, what happened, and the rest as name=value. */
export function logLine(entry: Record<string, unknown>): LogLine {
  const rest = Object.entries(entry)
    .filter(([name, value]) => !SHOWN_APART.has(name) && value !== null && value !== "")
    .map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  return {
    at: time(typeof entry.timestamp === "string" ? entry.timestamp : null),
    level: String(entry.level ?? "info"),
    words: [String(entry.event ?? entry.message ?? ""), ...rest].join(" "),
  };
}
