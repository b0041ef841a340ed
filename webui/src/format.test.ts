import { describe, expect, it } from "vitest";
import {
  bytes,
  compact,
  count,
  date,
  dateTime,
  duration,
  number,
  percent,
  relative,
  time,
  tokensPerSecond,
} from "./format";

describe("numbers", () => {
  it.each([
    [number(1234567), "1,234,567"],
    [number(1.25, 1), "1.3"],
    [number(null), "–"],
    [number(Number.NaN), "–"],
    [compact(1234567), "1.2M"],
    [percent(0.987), "98.7 %"],
    [percent(null), "–"],
    [count(1, "machine"), "1 machine"],
    [count(3, "machine"), "3 machines"],
    [count(0, "entry", "entries"), "0 entries"],
    [tokensPerSecond(41.234), "41.2 tokens/s"],
    [tokensPerSecond(412.34), "412 tokens/s"],
  ])("%s", (said, wanted) => expect(said).toBe(wanted));
});

describe("sizes", () => {
  it.each([
    [0, "0 B"],
    [1023, "1,023 B"],
    [1536, "1.5 KB"],
    [149 * 1024 ** 2, "149 MB"],
    [8 * 1024 ** 3, "8 GB"],
    [-2048, "-2 KB"],
    [null, "–"],
  ])("%s", (size, wanted) => expect(bytes(size)).toBe(wanted));
});

describe("durations", () => {
  it.each([
    [0.0042, "4.2 ms"],
    [0.123, "123 ms"],
    [3.42, "3.4 s"],
    [42.4, "42 s"],
    [60, "1 min"],
    [75, "1 min 15 s"],
    [3600 * 5 + 120, "5 h 2 min"],
    [86_400 * 3, "3 d"],
    [90_000, "1 d 1 h"],
    [null, "–"],
  ])("%s", (seconds, wanted) => expect(duration(seconds)).toBe(wanted));
});

describe("times", () => {
  const now = Date.parse("2026-11-25T18:00:00Z");

  it.each([
    ["2026-11-25T17:59:55Z", "just now"],
    ["2026-11-25T17:59:30Z", "30 s ago"],
    ["2026-11-25T17:57:00Z", "3 min ago"],
    ["2026-11-25T20:00:00Z", "in 2 h"],
    ["2026-11-20T18:00:00Z", "5 d ago"],
    [null, "–"],
    ["nonsense", "–"],
  ])("%s is %s", (at, wanted) => expect(relative(at, now)).toBe(wanted));

  it("are local", () => {
    const at = new Date(2026, 10, 25, 8, 5, 9).toISOString();
    expect([dateTime(at), date(at), time(at)]).toEqual(["25 Nov 2026, 08:05:09", "25 Nov 2026", "08:05:09"]);
  });
});
