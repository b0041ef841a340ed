import { expect, it } from "vitest";
import { targetsOf, toggled, unknownTargets } from "./alias-form";

it("reads models, each once", () => {
  expect(targetsOf(" a:8b\n\nmeta/b, c ,a:8b\n")).toEqual(["a:8b", "meta/b", "c"]);
});

it("knows whom nobody has", () => {
  expect(unknownTargets(["A", "b"], ["a"])).toEqual(["b"]);
});

it("adds and takes out", () => {
  expect(toggled("a", "b")).toBe("a\nb");
  expect(toggled("a\nb", "a")).toBe("b");
});
