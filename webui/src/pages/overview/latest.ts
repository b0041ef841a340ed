import type { Schema } from "../../api/client";
import { text } from "../../text/overview";
import type { Tone } from "../machines/machine";

type Request = Schema<"RequestSummary">;

export const MOST_LATEST = 5;

const TONES: Record<Request["outcome"], Tone> = {
  ok: "ok",
  cancelled: "idle",
  refused: "warn",
  failed: "bad",
};

/** The newest requests, once each: events tell of one before the history has it. */
export function latest(requests: readonly Request[]): Request[] {
  const byId = new Map(requests.map((each) => [each.id, each]));
  return [...byId.values()]
    .sort((one, other) => other.started_at.localeCompare(one.started_at))
    .slice(0, MOST_LATEST);
}

export function toneOf(request: Request): Tone {
  return TONES[request.outcome];
}

/** Which machine or server answered, or why none did. */
export function answeredBy({ runtime, endpoint, outcome, error_code: code }: Request): string {
  const who = runtime ?? endpoint?.name;
  const { latest: words } = text;
  if (outcome === "ok" || outcome === "cancelled") return who ? words.by(who) : words.outcomes[outcome];
  return [words.outcomes[outcome], code].filter(Boolean).join(": ");
}
