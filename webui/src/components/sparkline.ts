const MARGIN = 2;

/** SVG paths of a line through `values`, and of the area below it; gaps where a value lacks. */
export function sparkline(
  values: readonly (number | null)[],
  width: number,
  height: number,
  max?: number,
): { line: string; area: string } {
  const top = max ?? Math.max(...values.map((value) => value ?? 0), 0);
  const step = values.length > 1 ? width / (values.length - 1) : width;
  const y = (value: number) =>
    round(height - MARGIN - (top > 0 ? Math.min(1, value / top) : 0) * (height - 2 * MARGIN));
  const runs: [number, number][][] = [];
  values.forEach((value, at) => {
    if (value === null) return;
    const joins = at > 0 && values[at - 1] !== null && values[at - 1] !== undefined;
    if (!joins) runs.push([]);
    runs[runs.length - 1]!.push([round(at * step), y(value)]);
  });
  const line = runs.map((run) => `M${run.map(([x, at]) => `${x} ${at}`).join("L")}`).join("");
  const area = runs
    .map(
      (run) =>
        `M${run[0]![0]} ${height}L${run.map(([x, at]) => `${x} ${at}`).join("L")}L${run[run.length - 1]![0]} ${height}Z`,
    )
    .join("");
  return { line, area };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
