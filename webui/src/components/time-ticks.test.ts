import { expect, it } from "vitest";
import { tickWords } from "./time-ticks";

const AT = new Date(2026, 10, 25, 18, 5, 9).getTime() / 1000;

it.each([
  [10, "18:05:09"],
  [300, "18:05"],
  [7200, "18:05"],
  [86_400, "25 Nov"],
  [2_592_000, "25 Nov"],
])("ticks %i s apart", (step, words) => expect(tickWords(AT, step)).toBe(words));
