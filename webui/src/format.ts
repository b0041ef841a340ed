/** How numbers, sizes and times read. Everything is plain English and local time. */

const MISSING = "–";
const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];

let twelveHours = false;

/** Whether times read "6:20:05 pm" from now on, instead of "18:20:05". */
export function showTwelveHours(on: boolean): void {
  twelveHours = on;
}

/** 1234567 → "1,234,567". */
export function number(value: number | null | undefined, digits = 0): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  return value.toLocaleString("en", { minimumFractionDigits: 0, maximumFractionDigits: digits });
}

/** 1234567 → "1.2M". */
export function compact(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return MISSING;
  return value.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
}

/** 0.987 → "98.7 %". */
export function percent(share: number | null | undefined, digits = 1): string {
  return share === null || share === undefined ? MISSING : `${number(share * 100, digits)} %`;
}

/** 1536 → "1.5 KB" (1 KB = 1024 B, as systems show memory and files of models). */
export function bytes(size: number | null | undefined): string {
  if (size === null || size === undefined || !Number.isFinite(size)) return MISSING;
  let rest = Math.abs(size);
  let unit = 0;
  while (rest >= 1024 && unit < UNITS.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${size < 0 ? "-" : ""}${number(rest, unit === 0 || rest >= 100 ? 0 : 1)} ${UNITS[unit]}`;
}

/** 0.0123 → "12 ms", 3.4 → "3.4 s", 75 → "1 min 15 s", 90000 → "1 d 1 h". */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return MISSING;
  if (seconds < 1) return `${number(seconds * 1000, seconds < 0.01 ? 1 : 0)} ms`;
  if (seconds < 60) return `${number(seconds, seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return pair(Math.floor(whole / 60), "min", whole % 60, "s");
  if (whole < 86_400) return pair(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min");
  return pair(Math.floor(whole / 86_400), "d", Math.floor((whole % 86_400) / 3600), "h");
}

/** 41.234 → "41.2 tokens/s". */
export function tokensPerSecond(value: number | null | undefined): string {
  return value === null || value === undefined ? MISSING : `${number(value, value < 100 ? 1 : 0)} tokens/s`;
}

/** RFC 3339 → "25 Nov 2026, 18:20:05", in local time. */
export function dateTime(at: string | null | undefined): string {
  const date = parsed(at);
  return date === null ? MISSING : `${day(date)}, ${clock(date)}`;
}

/** RFC 3339 → "25 Nov 2026". */
export function date(at: string | null | undefined): string {
  const found = parsed(at);
  return found === null ? MISSING : day(found);
}

/** RFC 3339 → "18:20:05". */
export function time(at: string | null | undefined): string {
  const found = parsed(at);
  return found === null ? MISSING : clock(found);
}

/** RFC 3339 → "3 min ago", "in 2 h"; `now` in milliseconds. */
export function relative(at: string | null | undefined, now: number = Date.now()): string {
  const found = parsed(at);
  if (found === null) return MISSING;
  const seconds = (now - found.getTime()) / 1000;
  const far = Math.abs(seconds);
  if (far < 10) return "just now";
  const [size, unit] =
    far < 60 ? [1, "s"] : far < 3600 ? [60, "min"] : far < 86_400 ? [3600, "h"] : [86_400, "d"];
  const said = `${number(Math.floor(far / (size as number)))} ${unit}`;
  return seconds < 0 ? `in ${said}` : `${said} ago`;
}

/** 1 → "1 machine", 3 → "3 machines". */
export function count(many: number, one: string, several = `${one}s`): string {
  return `${number(many)} ${many === 1 ? one : several}`;
}

function parsed(at: string | null | undefined): Date | null {
  if (!at) return null;
  const found = new Date(at);
  return Number.isNaN(found.getTime()) ? null : found;
}

function day(at: Date): string {
  return at.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });
}

function clock(at: Date): string {
  return at.toLocaleTimeString("en-GB", { hour12: twelveHours });
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
