import { expect, test } from "vitest";
import { Drafts } from "./drafts";

function storage(full = false) {
  const kept = new Map<string, string>();
  return {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => {
      if (full) throw new Error("full");
      kept.set(name, value);
    },
    removeItem: (name: string) => void kept.delete(name),
  };
}

test("each chat has its own, for each user", () => {
  const place = storage();
  const ada = new Drafts(place, "ada");
  ada.keep("new", "a");
  ada.keep("c1", "b");
  expect([ada.of("new"), ada.of("c1"), ada.of("c2"), new Drafts(place, "bob").of("new")]).toEqual([
    "a",
    "b",
    "",
    "",
  ]);
  ada.keep("new", "");
  ada.forget("c1");
  expect([ada.of("new"), ada.of("c1")]).toEqual(["", ""]);
});

test("a full store is no reason to stop typing", () => {
  const drafts = new Drafts(storage(true), "ada");
  drafts.keep("new", "a");
  expect(drafts.of("new")).toBe("");
});
