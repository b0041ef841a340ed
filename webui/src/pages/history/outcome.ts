import { meanings, text } from "../../text/history";
import type { RequestSummary } from "./filters";

export type Tone = "ok" | "warn" | "bad" | "neutral";

const TONES: Record<string, Tone> = { ok: "ok", refused: "warn", failed: "bad", cancelled: "neutral" };

/** How a request ended, by colour. */
export function toneOf({ outcome }: Pick<RequestSummary, "outcome">): Tone {
  return TONES[outcome] ?? "neutral";
}

/** … and in words: "Failed · 502". */
export function labelOf({ outcome, status }: Pick<RequestSummary, "outcome" | "status">): string {
  const word = text.outcomes[outcome] ?? outcome;
  return status >= 400 ? `${word} · ${status}` : word;
}

/** What the error code says in a few words; null: there is none. */
export function reasonOf({ error_code }: Pick<RequestSummary, "error_code">): string | null {
  return error_code === null ? null : (meanings[error_code]?.title ?? error_code);
}

/** Who answered: the machine, else the server elsewhere; null: nobody. */
export function answeredBy({
  runtime,
  endpoint,
}: Pick<RequestSummary, "runtime" | "endpoint">): string | null {
  return runtime ?? endpoint?.name ?? null;
}

/** How long a request waited, was read, and was answered, in seconds. What isn't known is part of the last. */
export function phasesOf({
  queued_ms,
  first_token_ms,
  duration_ms,
}: Pick<RequestSummary, "queued_ms" | "first_token_ms" | "duration_ms">): {
  queued: number;
  reading: number;
  writing: number;
} {
  const queued = Math.min(queued_ms, duration_ms);
  const first = first_token_ms === null ? queued : Math.min(Math.max(first_token_ms, queued), duration_ms);
  return { queued: queued / 1e3, reading: (first - queued) / 1e3, writing: (duration_ms - first) / 1e3 };
}

/** Tokens a second while the answer was written; null where that is not known. */
export function speedOf(request: RequestSummary): number | null {
  const { writing } = phasesOf(request);
  if (request.first_token_ms === null || writing <= 0 || request.completion_tokens < 2) return null;
  return (request.completion_tokens - 1) / writing;
}
