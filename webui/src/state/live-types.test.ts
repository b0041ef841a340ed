import { expect, it } from "vitest";
import { after, NOTHING_YET } from "./live-types";

const models = [{ name: "parrot", lifecycle: "ready", progress: 1, error: null, active: 0, queued: 0 }];
const load = { active: 1, waiting: 2, tokens_per_s: 3 };

it("replaces one part for each event", () => {
  const state = after({ ...NOTHING_YET, models }, "load", { load });
  expect([state.load, state.models]).toEqual([load, models]);
});

it("begins anew with a snapshot", () => {
  expect(after({ ...NOTHING_YET, models }, "snapshot", { load })).toEqual({
    ...NOTHING_YET,
    load,
  });
});

it("forgets that this machine was joining", () => {
  expect(after({ ...NOTHING_YET, joining: {} as never }, "joining", { joining: null }).joining).toBeNull();
});

it.each(["request", "machine", "unheard of"])("keeps the state at an event of kind %s", (kind) => {
  expect(after(NOTHING_YET, kind, { load })).toBe(NOTHING_YET);
});
