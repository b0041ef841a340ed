import type { Schema } from "../../api/client";

/** The share of requests that were answered, of those that could be. What was refused (a wrong key, an unknown model) or cancelled counts as neither; null: there was none. */
export function successRate({ ok, failed }: Schema<"Recent">): number | null {
  const tried = ok + failed;
  return tried === 0 ? null : ok / tried;
}
