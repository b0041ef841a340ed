/** Where the parts of the cluster's picture are: the router on top, the others in rows below it, servers elsewhere at the side. */

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Placed extends Box {
  id: string;
}

export interface Link {
  id: string;
  /** An SVG path from the router to the box. */
  path: string;
  dashed: boolean;
}

export interface Picture {
  width: number;
  height: number;
  small: boolean;
  machines: Placed[];
  elsewhere: Placed[];
  links: Link[];
}

export interface Wanted {
  /** Ids; `router` is one of them, or null while there is none. */
  machines: readonly string[];
  router: string | null;
  elsewhere: readonly string[];
  width: number;
}

const LARGE = { width: 184, height: 84 };
const SMALL = { width: 148, height: 74 };
const SIDE = { width: 200, height: 46 };
const MOST_LARGE = 9;
const GAP = { x: 18, y: 40 };
const SIDE_GAP = { x: 56, y: 12 };
const MARGIN = 6;

/** Pure. Boxes never overlap and never leave the picture. */
export function pictureOf({ machines, router, elsewhere, width }: Wanted): Picture {
  const small = machines.length > MOST_LARGE;
  const size = small ? SMALL : LARGE;
  const aside = elsewhere.length > 0;
  const main = Math.max(size.width, width - 2 * MARGIN - (aside ? SIDE.width + SIDE_GAP.x : 0));
  const others = machines.filter((id) => id !== router);
  const top: Box | null =
    router === null ? null : { x: MARGIN + (main - size.width) / 2, y: MARGIN, ...size };
  const firstRow = top === null ? MARGIN : top.y + top.height + GAP.y;
  const rows = rowsOf(others, main, size, firstRow);
  const placed = rows.flatMap((row) => row.boxes);
  const sides = sidesOf(elsewhere, MARGIN + main + SIDE_GAP.x);
  const bottoms = [...placed, ...sides, ...(top === null ? [] : [top])].map((box) => box.y + box.height);
  return {
    width: Math.max(width, 2 * MARGIN + main + (aside ? SIDE.width + SIDE_GAP.x : 0)),
    height: Math.max(...bottoms, 0) + MARGIN,
    small,
    machines: [...(top === null || router === null ? [] : [{ id: router, ...top }]), ...placed],
    elsewhere: sides,
    links: top === null ? [] : [...linksOf(top, rows, main), ...sideLinksOf(top, sides)],
  };
}

interface Row {
  y: number;
  columns: number;
  boxes: Placed[];
}

function rowsOf(ids: readonly string[], main: number, size: typeof LARGE, firstRow: number): Row[] {
  if (ids.length === 0) return [];
  const most = Math.max(1, Math.floor((main + GAP.x) / (size.width + GAP.x)));
  const many = Math.ceil(ids.length / most);
  const columns = Math.ceil(ids.length / many);
  return Array.from({ length: many }, (_, number) => {
    const inside = ids.slice(number * columns, (number + 1) * columns);
    const wide = inside.length * (size.width + GAP.x) - GAP.x;
    const y = firstRow + number * (size.height + GAP.y);
    const left = MARGIN + (main - wide) / 2;
    const boxes = inside.map((id, at) => ({ id, x: left + at * (size.width + GAP.x), y, ...size }));
    return { y, columns: inside.length, boxes };
  });
}

/** Each goes down from the router, through the gap nearest to the middle of the rows above its own, and along its row. */
function linksOf(top: Box, rows: readonly Row[], main: number): Link[] {
  const middle = top.x + top.width / 2;
  const lane = (y: number) => y - GAP.y / 2;
  return rows.flatMap((row, number) =>
    row.boxes.map((box) => {
      const first = rows[0] ?? row;
      const trunk = number === 0 ? middle : gapOf(first, middle, main);
      const down = number === 0 ? "" : `H${round(trunk)}V${round(lane(row.y))}`;
      const end = box.x + box.width / 2;
      const path = `M${round(middle)} ${round(top.y + top.height)}V${round(lane(first.y))}${down}H${round(end)}V${round(box.y)}`;
      return { id: box.id, path, dashed: false };
    }),
  );
}

/** Where a line passes between the boxes of a full row; beside a single one. */
function gapOf(row: Row, middle: number, main: number): number {
  const [first] = row.boxes;
  if (first === undefined || row.columns % 2 === 0) return middle;
  if (row.columns === 1) return Math.max(2, Math.min(MARGIN + main, first.x - GAP.x / 2));
  return middle + (first.width + GAP.x) / 2;
}

function sidesOf(ids: readonly string[], x: number): Placed[] {
  return ids.map((id, at) => ({ id, x, y: MARGIN + at * (SIDE.height + SIDE_GAP.y), ...SIDE }));
}

function sideLinksOf(top: Box, sides: readonly Placed[]): Link[] {
  return sides.map((box) => {
    const from = top.y + Math.min(top.height / 2, SIDE.height / 2);
    const turn = box.x - SIDE_GAP.x / 2;
    const end = box.y + box.height / 2;
    return {
      id: box.id,
      path: `M${round(top.x + top.width)} ${round(from)}H${round(turn)}V${round(end)}H${round(box.x)}`,
      dashed: true,
    };
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
