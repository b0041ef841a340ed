const DAY_S = 86_400;
const MINUTE_S = 60;

/** What stands below a chart at a moment (Unix time, shown in local time), where ticks are `step` seconds apart. */
export function tickWords(seconds: number, step: number): string {
  const at = new Date(seconds * 1000);
  if (step >= DAY_S) return at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  const parts: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hour12: false };
  return at.toLocaleTimeString("en-GB", step < MINUTE_S ? { ...parts, second: "2-digit" } : parts);
}
