import { expect, it } from "vitest";
import { sparkline } from "./sparkline";

it("fits the values into its box", () => {
  expect(sparkline([0, 5, 10], 100, 24).line).toBe("M0 22L50 12L100 2");
});

it("keeps to a given top", () => {
  expect(sparkline([10, 200], 100, 24, 100).line).toBe("M0 20L100 2");
});

it("leaves gaps where nothing is known", () => {
  expect(sparkline([1, null, 1, 1], 90, 24).line).toBe("M0 2M60 2L90 2");
});

it.each([[[]], [[null, null]]])("draws nothing of %j", (values) => {
  expect(sparkline(values, 100, 24)).toEqual({ line: "", area: "" });
});
