import { describe, expect, it } from "vitest";
import { fileName, fileOf, found, lineOf, merged, MOST_LINES, sinceOf, windowOf, type Entry } from "./lines";

function entry(number: number, more: Entry = {}): Entry {
  const at = new Date(Date.UTC(2026, 0, 31, 12, 0, number)).toISOString();
  return { event: `event ${number}`, level: "info", timestamp: at, logger: "corral.test", ...more };
}

describe("lines", () => {
  it("show time, level, event, and the rest by name", () => {
    expect(lineOf(entry(1, { model: "m", count: 2, nothing: null }))).toMatchObject({
      at: "2026-01-31T12:00:01.000Z",
      level: "info",
      event: "event 1",
      details: "model=m  count=2",
    });
    expect(lineOf({ message: "of a runtime" })).toMatchObject({ at: null, level: "", event: "of a runtime" });
  });

  it("take in what is new, once", () => {
    const first = merged([], [entry(1), entry(2)]);
    expect(merged(first, [entry(2)])).toBe(first);
    expect(merged(first, [entry(2), entry(3)]).map(({ event }) => event)).toEqual([
      "event 1",
      "event 2",
      "event 3",
    ]);
  });

  it("forget the oldest", () => {
    const many = Array.from({ length: MOST_LINES }, (_, at) => entry(at));
    const lines = merged(merged([], many), [entry(MOST_LINES)]);
    expect(lines.length).toBe(MOST_LINES);
    expect(lines[0]!.event).toBe("event 1");
  });

  it("ask for what came since a second before the latest", () => {
    expect(sinceOf(merged([], [entry(5), entry(4)]))).toBe("2026-01-31T12:00:04.000Z");
    expect(sinceOf(merged([], [{ message: "no time" }]))).toBeUndefined();
    expect(sinceOf([])).toBeUndefined();
  });

  it.each([
    ["", 2],
    ["  ", 2],
    ["event", 2],
    ["SHEEP event", 1],
    ["corral sheep", 1],
    ["wolf", 0],
  ])("found by %j: %d", (search, count) => {
    expect(found(merged([], [entry(1), entry(2, { model: "sheep" })]), search).length).toBe(count);
  });
});

describe("rows in view", () => {
  it.each([
    [0, 280, 28, 1000, { first: 0, last: 20 }],
    [2800, 280, 28, 1000, { first: 90, last: 120 }],
    [28_000, 280, 28, 1000, { first: 990, last: 1000 }],
    [5_000, 280, 28, 3, { first: 0, last: 3 }],
    [0, 280, 28, 0, { first: 0, last: 0 }],
  ])("at %d of %d px", (top, height, row, count, expected) => {
    expect(windowOf(top, height, row, count)).toEqual(expected);
  });
});

describe("a download", () => {
  it("has an entry on each line", () => {
    expect(fileOf([entry(1), entry(2)]).split("\n").length).toBe(3);
    expect(fileName("Ada's desk/..", new Date(0))).toBe("corral-Ada-s-desk-..-1970-01-01T000000.log");
    expect(fileName("../", new Date(0))).toBe("corral-machine-1970-01-01T000000.log");
  });
});
