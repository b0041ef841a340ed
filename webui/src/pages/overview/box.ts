import type { Box } from "./picture";

const CUT = 12;
const ROUND = 10;

/** The outline of a box: with cut corners for the router, with round ones for the others. */
export function outlineOf({ x, y, width, height }: Box, cut: boolean): string {
  const size = cut ? CUT : ROUND;
  const corner = (toX: number, toY: number) =>
    cut ? `l${toX} ${toY}` : `a${ROUND} ${ROUND} 0 0 1 ${toX} ${toY}`;
  return [
    `M${x + size} ${y}h${width - 2 * size}`,
    corner(size, size),
    `v${height - 2 * size}`,
    corner(-size, size),
    `h${-(width - 2 * size)}`,
    corner(-size, -size),
    `v${-(height - 2 * size)}`,
    corner(size, -size),
    "z",
  ].join("");
}

/** As many letters as there is room for. SVG doesn't cut texts by itself. */
export function fitting(words: string, most: number): string {
  const letters = [...words];
  return letters.length <= most
    ? words
    : `${letters
        .slice(0, most - 1)
        .join("")
        .trimEnd()}…`;
}
