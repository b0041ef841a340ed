import { expect, it } from "vitest";
import type { Schema } from "../../api/client";
import { answeredBy, latest, MOST_LATEST } from "./latest";

function request(id: string, more: Partial<Schema<"RequestSummary">> = {}): Schema<"RequestSummary"> {
  const base = { id, started_at: `2026-11-25T18:00:0${id}Z`, outcome: "ok", runtime: "barn", endpoint: null };
  return { error_code: null, ...base, ...more } as Schema<"RequestSummary">;
}

it("the newest come first, once each", () => {
  const found = latest(["1", "2", "2", "3", "4", "5", "6"].map((id) => request(id)));
  expect(found.map((each) => each.id)).toEqual(["6", "5", "4", "3", "2"]);
  expect(found).toHaveLength(MOST_LATEST);
});

it.each([
  [{}, "answered by barn"],
  [{ runtime: null, endpoint: { id: "e", name: "upstairs" } }, "answered by upstairs"],
  [{ outcome: "refused" as const, runtime: null, error_code: "model_not_found" }, "refused: model_not_found"],
  [{ outcome: "failed" as const }, "failed"],
])("%o: %s", (more, words) => expect(answeredBy(request("1", more))).toBe(words));
