import { expect, it } from "vitest";
import { sorted, turned, type Column } from "./table-sort";

interface Row {
  name: string;
  size: number | null;
}

const rows: Row[] = [
  { name: "model 10", size: 3 },
  { name: "Model 2", size: null },
  { name: "alpha", size: 11 },
];
const columns: Column<Row>[] = [
  { key: "name", label: "Name", value: (row) => row.name },
  { key: "size", label: "Size", value: (row) => row.size },
  { key: "remote", label: "Remote", sortable: true },
];
const names = (key: string, descending: boolean) =>
  sorted(rows, columns, { key, descending }).map((row) => row.name);

it("sorts texts as people read them", () => {
  expect(names("name", false)).toEqual(["alpha", "Model 2", "model 10"]);
  expect(names("name", true)).toEqual(["model 10", "Model 2", "alpha"]);
});

it("sorts numbers by size, and what is missing last in both directions", () => {
  expect(names("size", false)).toEqual(["model 10", "alpha", "Model 2"]);
  expect(names("size", true)).toEqual(["alpha", "model 10", "Model 2"]);
});

it("leaves rows alone that the server sorts", () => {
  expect(sorted(rows, columns, { key: "remote", descending: true })).toBe(rows);
  expect(sorted(rows, columns, null)).toBe(rows);
});

it("turns the order at the second click", () => {
  const once = turned(null, "name");
  expect([once, turned(once, "name"), turned(once, "size")]).toEqual([
    { key: "name", descending: false },
    { key: "name", descending: true },
    { key: "size", descending: false },
  ]);
});
