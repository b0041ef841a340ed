import type { Schema } from "../../api/client";

/** The share of requests that were answered. What clients cancelled counts as neither; null: there was none. */
export function successRate({ ok, refused, failed }: Schema<"Recent">): number | null {
  const decided = ok + refused + failed;
  return decided === 0 ? null : ok / decided;
}
