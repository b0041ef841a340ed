import type uPlot from "uplot";

export interface Series {
  label: string;
  /** One for each of the chart's times; null where nothing is known. */
  values: readonly (number | null)[];
  /** Which of the series' colours, 1…6; their order else. */
  tone?: 1 | 2 | 3 | 4 | 5 | 6;
  kind?: "line" | "bars";
}

export interface ChartData {
  /** Unix times in seconds, ascending. */
  times: readonly number[];
  series: readonly Series[];
  /** One upon the other, the first at the bottom; they have no gaps. */
  stacked?: boolean;
}

interface Look {
  colour: (token: string) => string;
  format: (value: number) => string;
  bars: uPlot.Series.PathBuilder | undefined;
}

/** What uPlot draws: times first. */
export function aligned(data: ChartData): uPlot.AlignedData {
  return [[...data.times], ...layers(data).map((each) => [...each.values])];
}

/** The series as they are drawn, the lowest last; stacked ones hold those below them, and are drawn over by them. */
export function layers({ times, series, stacked }: ChartData): Series[] {
  const toned = series.map((each, at) => ({
    ...each,
    tone: each.tone ?? (((at % 6) + 1) as Series["tone"]),
  }));
  if (!stacked) return toned;
  let below = times.map(() => 0);
  const piled = toned.map((each) => {
    below = below.map((value, at) => value + (each.values[at] ?? 0));
    return { ...each, values: below };
  });
  return piled.reverse();
}

/** uPlot's options for a chart; colours come from the theme's tokens. */
export function chartOptions(data: ChartData, look: Look): Omit<uPlot.Options, "width" | "height"> {
  const axis = {
    stroke: look.colour("--muted"),
    grid: { stroke: look.colour("--border"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  return {
    padding: [12, 12, 0, 0],
    legend: { show: false },
    cursor: { points: { size: 7 }, drag: { x: false, y: false } },
    scales: {
      x: { range: (_, low, high) => padded(low, high, data) },
      y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        values: (_, ticks, __, ___, step) => timeLabels(ticks, step),
      },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => look.format(tick)) },
    ],
    series: [{}, ...layers(data).map((each, at) => drawn(each, at, look))],
  };
}

const DAY_S = 86_400;

/** Times below a chart, in local time: clock times, and the day where one begins or steps are days. */
export function timeLabels(seconds: readonly number[], step: number): string[] {
  return seconds.map((each) => {
    const at = new Date(each * 1000);
    const isDay = step >= DAY_S || (at.getHours() === 0 && at.getMinutes() === 0);
    if (step >= 28 * DAY_S) return at.toLocaleDateString("en-GB", { month: "short", year: "2-digit" });
    if (isDay) return at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
    return at.toLocaleTimeString("en-GB", {
      hour: "2-digit",
      minute: "2-digit",
      second: step < 60 ? "2-digit" : undefined,
    });
  });
}

const AROUND_ONE_S = 60;

/** Room for half a bar at both ends, and some around a time that is alone: uPlot itself would show years. */
export function padded(low: number, high: number, { times, series }: ChartData): [number, number] {
  if (times.length === 1 || low === high) return [low - AROUND_ONE_S, low + AROUND_ONE_S];
  if (!series.some((each) => each.kind === "bars")) return [low, high];
  const half = (high - low) / Math.max(1, times.length - 1) / 2;
  return [low - half, high + half];
}

/** Which colour a series has. */
export function toneOf(series: Series, at: number): string {
  return `--series-${series.tone ?? (at % 6) + 1}`;
}

/** Whether a value has none beside it: no line shows it. */
export function hasLonely(values: ArrayLike<number | null | undefined>): boolean {
  const none = (at: number) => values[at] === null || values[at] === undefined;
  return Array.from(values, (_, at) => !none(at) && none(at - 1) && none(at + 1)).some(Boolean);
}

function drawn(series: Series, at: number, look: Look): uPlot.Series {
  const colour = look.colour(toneOf(series, at));
  const bars = series.kind === "bars";
  return {
    label: series.label,
    stroke: colour,
    width: bars ? 0 : 1.75,
    fill: bars ? colour : `color-mix(in srgb, ${colour} 12%, transparent)`,
    paths: bars ? look.bars : undefined,
    points: { show: (plot, at) => !bars && hasLonely(plot.data[at] ?? []), size: 6, fill: colour },
  };
}
