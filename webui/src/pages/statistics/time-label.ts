import type { Period } from "./series";

/** When a bar begins, as people read it: days and months are those of UTC, hours are local. */
export function timeLabel(seconds: number, per: Period): string {
  const at = new Date(seconds * 1000);
  if (per === "hour")
    return at.toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const day = per === "day" ? ({ day: "numeric" } as const) : {};
  return at.toLocaleDateString("en-GB", { ...day, month: "short", year: "numeric", timeZone: "UTC" });
}
