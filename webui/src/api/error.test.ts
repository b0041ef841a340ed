import { describe, expect, it } from "vitest";
import { errorOf } from "./error";

describe("errorOf", () => {
  it("tells what the node said", () => {
    const body = {
      error: { message: "no such model", type: "not_found_error", code: "model_not_found", param: "model" },
    };
    const error = errorOf(404, body, null, "else");
    expect([error.status, error.code, error.message, error.param]).toEqual([
      404,
      "model_not_found",
      "no such model",
      "model",
    ]);
  });

  it.each([null, undefined, "<html>", { error: "text" }, { error: null }, []])(
    "says something for %j",
    (body) => {
      const error = errorOf(502, body, null, "went wrong");
      expect([error.message, error.param, error.retryAfterS]).toEqual(["went wrong", null, null]);
    },
  );

  it("knows when to come back", () => {
    expect(errorOf(429, null, "17", "").retryAfterS).toBe(17);
    expect(errorOf(429, null, "Wed, 25 Nov 2026 18:00:00 GMT", "").retryAfterS).toBeNull();
  });
});
