import { expect, it } from "vitest";
import { backoffMs } from "./backoff";

it("doubles up to a quarter of a minute", () => {
  expect([1, 2, 3, 4, 5, 6, 50].map((attempt) => backoffMs(attempt, 1))).toEqual([
    500, 1000, 2000, 4000, 8000, 15000, 15000,
  ]);
});

it("spreads pages that lost the same node", () => {
  expect([backoffMs(3, 0), backoffMs(3, 0.5), backoffMs(3, 1)]).toEqual([1000, 1500, 2000]);
});
