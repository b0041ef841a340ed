import { describe, expect, it } from "vitest";
import { EMPTY, fieldOf, namesFile, wish } from "./add-form";

const nothing = { filename: null, gguf_policy: null, format: null, quantization: null };

describe("what the server is asked for", () => {
  it.each([
    [{ which: "memory" as const }, { gguf_policy: "memory" }],
    [{ which: "quantization" as const, quantization: " Q4_K_M " }, { quantization: "Q4_K_M" }],
    [{ which: "filename" as const, filename: "a.gguf" }, { filename: "a.gguf" }],
    [{ which: "only" as const }, {}],
  ])("%j", (change, asked) => {
    const form = { ...EMPTY, repo: " org/model ", quantization: "Q8_0", filename: "b.gguf", ...change };
    expect(wish(form)).toEqual({ ...nothing, repo: "org/model", ...asked });
  });

  it("asks for nothing besides an address that says it all", () => {
    expect(wish({ ...EMPTY, repo: "org/model:Q8_0" })).toEqual({ ...nothing, repo: "org/model:Q8_0" });
  });
});

it.each([
  ["org/model", false],
  ["org/model:Q4_K_M", true],
  ["https://huggingface.co/org/model", false],
  ["https://huggingface.co/org/model/blob/main/model.gguf", true],
])("knows whether %s names a file", (repo, expected) => {
  expect(namesFile(repo)).toBe(expected);
});

it("shows an error where the reader can mend it", () => {
  expect(fieldOf("repo", EMPTY)).toBe("repo");
  expect(fieldOf("filename", EMPTY)).toBe("which");
  expect(fieldOf("quantization", { ...EMPTY, which: "quantization" })).toBe("quantization");
  expect(fieldOf(null, EMPTY)).toBe("");
});
