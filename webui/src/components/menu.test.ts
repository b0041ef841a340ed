import { expect, it } from "vitest";
import { nextIndex } from "./menu";

it.each([
  ["ArrowDown", 0, 3, 1],
  ["ArrowDown", 2, 3, 0],
  ["ArrowDown", -1, 3, 0],
  ["ArrowUp", 0, 3, 2],
  ["Home", 2, 3, 0],
  ["End", 0, 3, 2],
  ["a", 0, 3, null],
  ["ArrowDown", -1, 0, null],
])("%s at %i of %i", (key, at, many, to) => expect(nextIndex(key, at, many)).toBe(to));
