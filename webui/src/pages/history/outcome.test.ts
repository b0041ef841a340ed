import { describe, expect, it } from "vitest";
import type { RequestSummary } from "./filters";
import { answeredBy, labelOf, phasesOf, reasonOf, speedOf } from "./outcome";

describe("how a request ended", () => {
  it("in words", () => {
    expect(labelOf({ outcome: "ok", status: 200 })).toBe("Answered");
    expect(labelOf({ outcome: "failed", status: 200 })).toBe("Failed");
    expect(labelOf({ outcome: "refused", status: 404 })).toBe("Refused · 404");
  });

  it("and why", () => {
    expect(reasonOf({ error_code: null })).toBeNull();
    expect(reasonOf({ error_code: "queue_full" })).toBe("Queue full");
    expect(reasonOf({ error_code: "of_another_version" })).toBe("of_another_version");
  });

  it("and who answered", () => {
    const endpoint = { id: "e", name: "upstairs" };
    expect(answeredBy({ runtime: "desk", endpoint })).toBe("desk");
    expect(answeredBy({ runtime: null, endpoint })).toBe("upstairs");
    expect(answeredBy({ runtime: null, endpoint: null })).toBeNull();
  });
});

describe("timing", () => {
  it.each([
    [500, 1500, 3500, { queued: 0.5, reading: 1, writing: 2 }],
    [0, null, 2000, { queued: 0, reading: 0, writing: 2 }],
    [3000, 1000, 2000, { queued: 2, reading: 0, writing: 0 }],
  ])("waited %d, first token %s, whole %d", (queued_ms, first_token_ms, duration_ms, expected) => {
    expect(phasesOf({ queued_ms, first_token_ms, duration_ms })).toEqual(expected);
  });

  it("speed", () => {
    const request = { queued_ms: 0, first_token_ms: 1000, duration_ms: 3000, completion_tokens: 21 };
    expect(speedOf(request as RequestSummary)).toBe(10);
    expect(speedOf({ ...request, first_token_ms: null } as RequestSummary)).toBeNull();
  });
});
