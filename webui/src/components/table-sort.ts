export interface Sort {
  key: string;
  descending: boolean;
}

export interface PhoneCell {
  /** How much of a line it takes. */
  sixths: 1 | 2 | 3 | 4 | 5 | 6;
  /** Shown before it. */
  label?: string;
  /** At the end of its place. */
  end?: boolean;
}

export interface Column<Row> {
  key: string;
  label: string;
  /** What the column is sorted by; where it lacks, the column can't be sorted (but see `sortable`). */
  value?: (row: Row) => string | number | boolean | null | undefined;
  /** The server sorts: `onsort` is told. */
  sortable?: boolean;
  /** Text of a cell where no `cell` snippet is given; `value` else. */
  text?: (row: Row) => string;
  align?: "start" | "end";
  /** A CSS width. */
  width?: string;
  /** Where it is in the card of a phone; null: it is left out. Once any column says so, all have to. */
  phone?: PhoneCell | null;
  /** The label is for screen readers only. */
  quiet?: boolean;
}

/** Rows in the order of a column's values: numbers by size, texts as people read them, nothing last. */
export function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sort: Sort | null,
): readonly Row[] {
  const value = columns.find((column) => column.key === sort?.key)?.value;
  if (sort === null || value === undefined) return rows;
  const sign = sort.descending ? -1 : 1;
  return [...rows].sort((one, other) => compared(value(one), value(other), sign));
}

/** What a click on a column's head makes of the order. */
export function turned(sort: Sort | null, key: string): Sort {
  return sort?.key === key ? { key, descending: !sort.descending } : { key, descending: false };
}

type Value = string | number | boolean | null | undefined;

function compared(one: Value, other: Value, sign: number): number {
  if (one === null || one === undefined) return other === null || other === undefined ? 0 : 1;
  if (other === null || other === undefined) return -1;
  if (typeof one === "string" && typeof other === "string")
    return sign * one.localeCompare(other, "en", { numeric: true, sensitivity: "base" });
  return sign * (Number(one) - Number(other));
}
