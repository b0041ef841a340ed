import { expect, it } from "vitest";
import { aligned, hasLonely, layers, padded, timeLabels, toneOf, type ChartData } from "./chart";

const lines: ChartData = { times: [10, 20, 30], series: [{ label: "a", values: [1, null, 3] }] };
const bars: ChartData = {
  times: [10, 20, 30],
  series: [{ label: "a", values: [1, 2, 3], kind: "bars", tone: 5 }],
};

const local = (hours: number, minutes: number) => new Date(2026, 10, 25, hours, minutes).getTime() / 1000;

it("gives uPlot the times first", () => {
  expect(aligned(lines)).toEqual([
    [10, 20, 30],
    [1, null, 3],
  ]);
});

it("piles series up, the lowest drawn last, each in its colour", () => {
  const series = [
    { label: "a", values: [1, 2] },
    { label: "b", values: [null, 5] },
  ];
  const piled = layers({ times: [10, 20], series, stacked: true });
  expect(piled.map(({ label, values, tone }) => [label, values, tone])).toEqual([
    ["b", [1, 7], 2],
    ["a", [1, 2], 1],
  ]);
});

it.each([
  [[1, 2, null], false],
  [[null, 3, null], true],
  [[4, null, null], true],
  [[null, null], false],
  [[], false],
])("a value alone in %j: %s", (values, lonely) => {
  expect(hasLonely(values)).toBe(lonely);
});

it("leaves room for bars at both ends", () => {
  expect([padded(10, 30, lines), padded(10, 30, bars)]).toEqual([
    [10, 30],
    [5, 35],
  ]);
});

it("shows the minutes around a time that is alone", () => {
  const one: ChartData = { times: [1000], series: [{ label: "a", values: [1] }] };
  expect(padded(1000, 86_401_000, one)).toEqual([940, 1060]);
  expect(padded(1000, 1000, lines)).toEqual([940, 1060]);
});

it("writes clock times, and days where they begin", () => {
  expect(timeLabels([local(18, 5), local(24, 0)], 300)).toEqual(["18:05", "26 Nov"]);
  expect(timeLabels([local(18, 5)], 10)).toEqual(["18:05:00"]);
  expect(timeLabels([local(0, 0)], 86_400)).toEqual(["25 Nov"]);
  expect(timeLabels([local(0, 0)], 30 * 86_400)).toEqual(["Nov 26"]);
});

it("colours series by their order, or as told", () => {
  expect([toneOf(lines.series[0]!, 0), toneOf(lines.series[0]!, 7), toneOf(bars.series[0]!, 0)]).toEqual([
    "--series-1",
    "--series-2",
    "--series-5",
  ]);
});
