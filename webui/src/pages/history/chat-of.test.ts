import { describe, expect, it } from "vitest";
import type { Schema } from "../../api/client";
import { chatOf, isConversation } from "./chat-of";

function request(request_body: unknown, answer_body: unknown, path = "/v1/chat/completions") {
  return { model: "m", path, request_body, answer_body } as Schema<"RequestDetail">;
}

describe("a chat of the playground", () => {
  it("goes on where the request ended", () => {
    const asked = {
      messages: [
        { role: "system", content: "be kind" },
        { role: "user", content: "one" },
        { role: "user", content: "and two" },
        { role: "assistant", tool_calls: [{ function: { name: "f", arguments: "{}" } }] },
        { role: "tool", content: "42" },
      ],
      temperature: 0.5,
      max_tokens: 9,
      stop: ["a", "b"],
      response_format: { type: "json_object" },
    };
    const chat = chatOf(request(asked, { choices: [{ message: { content: "so 42" } }] }), 7);
    expect(chat).toMatchObject({ model: "m", title: "one", createdAt: 7 });
    expect(chat.settings).toMatchObject({
      system: "be kind",
      temperature: "0.5",
      maxTokens: "9",
      stop: "a\nb",
      format: "json",
      useTools: false,
    });
    expect(chat.turns).toMatchObject([
      { role: "user", text: "one\n\nand two" },
      { role: "assistant", text: "so 42", calls: [{ name: "f", args: "{}", result: "42" }], state: "done" },
    ]);
  });

  it("keeps a question that got no answer", () => {
    const chat = chatOf(request({ prompt: "hello" }, { error: { message: "no" } }), 7);
    expect(chat.turns).toMatchObject([{ role: "user", text: "hello" }]);
  });

  it.each([
    ["/v1/chat/completions", {}, true],
    ["/v1/messages", {}, true],
    ["/api/generate", {}, true],
    ["/v1/embeddings", {}, false],
    ["/v1/chat/completions", null, false],
    ["/v1/chat/completions", "cut …", false],
  ])("of %s with %j: %s", (path, body, can) => {
    expect(isConversation(request(body, null, path))).toBe(can);
  });
});
