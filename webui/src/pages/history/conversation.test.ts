import { describe, expect, it } from "vitest";
import { continuedOn, conversationOf, errorIn, type Turn } from "./conversation";

function short(turns: Turn[]): string[] {
  return turns.map(
    (turn) => `${turn.role}: ${turn.parts.map((part) => `${part.kind}=${part.text}`).join(" ")}`,
  );
}

describe("a conversation", () => {
  it.each([
    [
      "a chat",
      {
        messages: [
          { role: "system", content: "be kind" },
          {
            role: "user",
            content: [{ type: "text", text: "look" }, { image_url: { url: "[redacted image/png len=9]" } }],
          },
        ],
      },
      { choices: [{ message: { role: "assistant", content: "a sheep", reasoning_content: "hm" } }] },
      [
        "system: text=be kind",
        "user: text=look media=[redacted image/png len=9]",
        "assistant: thought=hm text=a sheep",
      ],
    ],
    [
      "tools",
      {
        messages: [
          {
            role: "assistant",
            content: null,
            tool_calls: [{ function: { name: "f", arguments: '{"a":1}' } }],
          },
          { role: "tool", content: "42" },
        ],
      },
      { choices: [{ message: { content: "so 42" } }] },
      ['assistant: call={\n  "a": 1\n}', "tool: result=42", "assistant: text=so 42"],
    ],
    [
      "a completion",
      { prompt: "Once" },
      { choices: [{ text: " upon" }] },
      ["user: text=Once", "assistant: text= upon"],
    ],
    [
      "a response",
      { instructions: "short", input: [{ role: "user", content: [{ type: "input_text", text: "hi" }] }] },
      { output: [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "ho" }] }] },
      ["system: text=short", "user: text=hi", "assistant: text=ho"],
    ],
    [
      "a message of Anthropic's",
      { system: "s", messages: [{ role: "user", content: [{ type: "tool_result", content: "r" }] }] },
      {
        content: [
          { type: "thinking", thinking: "t" },
          { type: "text", text: "x" },
        ],
      },
      ["system: text=s", "user: result=r", "assistant: thought=t text=x"],
    ],
    ["one of Ollama's", { prompt: "p" }, { response: "r" }, ["user: text=p", "assistant: text=r"]],
    [
      "reranking",
      { query: "q", documents: ["a", { text: "b" }] },
      { results: [] },
      ["user: text=q", "document: text=a", "document: text=b"],
    ],
    [
      "texts",
      "plain",
      "[redacted audio/wav len=5]",
      ["user: text=plain", "assistant: media=[redacted audio/wav len=5]"],
    ],
    ["nothing", null, { error: { message: "no" } }, []],
  ])("of %s", (_, request, answer, expected) => {
    expect(short(conversationOf(request, answer))).toEqual(expected);
  });

  it("keeps markup as text", () => {
    const [turn] = conversationOf({ prompt: "<script>" }, null);
    expect(turn).toEqual({ role: "user", parts: [{ kind: "text", text: "<script>" }] });
  });
});

describe("what an answer tells besides", () => {
  it.each([
    [{ error: { message: "no", code: "c" } }, { message: "no", code: "c" }],
    [{ error: { code: "broken" } }, { message: null, code: "broken" }],
    [{ error: "plain" }, { message: "plain", code: null }],
    [{ choices: [] }, null],
    ["text", null],
  ])("the error of %j", (answer, expected) => {
    expect(errorIn(answer)).toEqual(expected);
  });

  it("who went on", () => {
    expect(continuedOn({ continued_on: ["b", "c"] })).toEqual(["b", "c"]);
    expect(continuedOn(null)).toEqual([]);
  });
});
