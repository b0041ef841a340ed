import { describe, expect, it } from "vitest";
import { pictureOf, type Box, type Picture } from "./picture";

function ids(many: number, prefix = "m"): string[] {
  return Array.from({ length: many }, (_, at) => `${prefix}${at}`);
}

function picture(machines: number, elsewhere = 0, width = 1000): Picture {
  return pictureOf({ machines: ids(machines), router: "m0", elsewhere: ids(elsewhere, "s"), width });
}

function overlap(one: Box, other: Box): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}

/** The straight pieces of a path of M, H and V. */
function pieces(path: string): Box[] {
  const steps = [...path.matchAll(/([MHV])(-?[\d.]+)(?: (-?[\d.]+))?/g)];
  let [x, y] = [0, 0];
  const found: Box[] = [];
  for (const [, kind, one, other] of steps) {
    const [toX, toY] =
      kind === "M" ? [Number(one), Number(other)] : kind === "H" ? [Number(one), y] : [x, Number(one)];
    if (kind !== "M")
      found.push({
        x: Math.min(x, toX) + 0.2,
        y: Math.min(y, toY) + 0.2,
        width: Math.abs(toX - x) - 0.4,
        height: Math.abs(toY - y) - 0.4,
      });
    [x, y] = [toX, toY];
  }
  return found;
}

function crossed(line: Box, box: Box): boolean {
  const wide = { ...line, width: Math.max(line.width, 0.1), height: Math.max(line.height, 0.1) };
  return overlap(wide, box);
}

const CASES = [1, 2, 3, 5, 8, 12, 20, 40].flatMap((machines) =>
  [0, 1, 5].flatMap((elsewhere) => [620, 1000, 1300].map((width) => [machines, elsewhere, width] as const)),
);

describe("the cluster's picture", () => {
  it.each(CASES)(
    "%i machines and %i elsewhere in %i px: every box is apart and inside",
    (machines, elsewhere, width) => {
      const drawn = picture(machines, elsewhere, width);
      const boxes = [...drawn.machines, ...drawn.elsewhere];
      expect(boxes).toHaveLength(machines + elsewhere);
      expect(drawn.width).toBe(width);
      boxes.forEach((box, at) => {
        expect(box.x).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width).toBeLessThanOrEqual(drawn.width);
        expect(box.y + box.height).toBeLessThanOrEqual(drawn.height);
        for (const other of boxes.slice(at + 1)) expect(overlap(box, other)).toBe(false);
      });
    },
  );

  it.each(CASES)(
    "%i machines and %i elsewhere in %i px: no link crosses a box",
    (machines, elsewhere, width) => {
      const drawn = picture(machines, elsewhere, width);
      expect(drawn.links.map((link) => link.id).sort()).toEqual(
        [...ids(machines).slice(1), ...ids(elsewhere, "s")].sort(),
      );
      const boxes = [...drawn.machines, ...drawn.elsewhere];
      const crossings = drawn.links.flatMap((link) =>
        pieces(link.path).flatMap((piece) =>
          boxes.filter((box) => crossed(piece, box)).map((box) => `${link.path} and ${box.id}`),
        ),
      );
      expect(crossings).toEqual([]);
    },
  );

  it("makes machines smaller where there are many, and rows of about the same length", () => {
    expect(picture(9).small).toBe(false);
    const many = picture(20);
    expect(many.small).toBe(true);
    const rows = new Map<number, number>();
    for (const box of many.machines.slice(1)) rows.set(box.y, (rows.get(box.y) ?? 0) + 1);
    expect([...rows.values()]).toEqual([5, 5, 5, 4]);
    expect(many.height).toBeLessThan(640);
  });

  it("draws no links while there is no router", () => {
    const drawn = pictureOf({ machines: ids(3), router: null, elsewhere: ids(1, "s"), width: 900 });
    expect(drawn.links).toEqual([]);
    expect(drawn.machines).toHaveLength(3);
  });
});
