import { describe, expect, it } from "vitest";
import { detailsOf, having, joined, type Change } from "./audit";

function change(id: string, action: string): Change {
  return { id, action, details: { level: "debug", count: 2 } } as unknown as Change;
}

describe("changes", () => {
  const [one, two, three] = [change("1", "Create"), change("2", "Revoke"), change("3", "Create")];

  it("come once, the latest first", () => {
    expect(joined([three!, two!], [two!, one!]).map(({ id }) => id)).toEqual(["3", "2", "1"]);
  });

  it("tell what was changed", () => {
    expect(detailsOf(one!)).toBe("level: debug, count: 2");
  });

  it("are found by words", () => {
    expect(having([one!, two!], "revoke DEBUG")).toEqual([two]);
    expect(having([one!, two!], " ").length).toBe(2);
  });
});
