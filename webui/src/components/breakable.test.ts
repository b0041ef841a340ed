import { describe, expect, it } from "vitest";
import { breakable } from "./breakable";

describe("breakable", () => {
  it.each(["", "a few words", "x".repeat(200), `${"word ".repeat(500)}`])("leaves %# alone", (text) => {
    expect(breakable(text)).toEqual([text]);
  });

  it.each([
    "A".repeat(100_000),
    `a ${"b".repeat(450)} c`,
    "\u{1F411}".repeat(500),
    `x${"\u{1F411}".repeat(500)}`,
  ])("cuts %# where lines may break, and no character in two", (text) => {
    const pieces = breakable(text);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join("")).toBe(text);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(405);
    for (const piece of pieces) expect(() => encodeURIComponent(piece)).not.toThrow();
  });
});
