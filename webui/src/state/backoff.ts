const FIRST_MS = 500;
const MOST_MS = 15_000;

/** How long to wait before try number `attempt` (from 1): doubled each time, up to 15 s, and spread by `random` (0…1). */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(MOST_MS, FIRST_MS * 2 ** (attempt - 1));
  return Math.round(full * (0.5 + random / 2));
}
