import { describe, expect, test } from "vitest";
import { emptyAnswer, PLAIN_SETTINGS, question, type Settings, type Turn } from "./chat";
import { bodyOf, fieldsOf, messagesOf } from "./request";
import { schemaProblem } from "./schema-text";

function read(settings: Partial<Settings>) {
  return fieldsOf({ ...PLAIN_SETTINGS, ...settings });
}

describe("settings", () => {
  test("nothing typed adds nothing", () => expect(read({})).toEqual({ fields: {}, problems: {} }));

  test.each<[Partial<Settings>, object]>([
    [{ temperature: " 0.7 " }, { temperature: 0.7 }],
    [{ temperature: "0,7" }, { temperature: 0.7 }],
    [{ topP: "1" }, { top_p: 1 }],
    [{ maxTokens: "64" }, { max_tokens: 64 }],
    [{ seed: "-3" }, { seed: -3 }],
    [{ stop: "END\n\n  x" }, { stop: ["END", "  x"] }],
    [{ format: "json" }, { response_format: { type: "json_object" } }],
  ])("%o", (settings, fields) => expect(read(settings)).toEqual({ fields, problems: {} }));

  test.each<[Partial<Settings>, keyof Settings]>([
    [{ temperature: "hot" }, "temperature"],
    [{ temperature: "2.1" }, "temperature"],
    [{ topP: "-0.1" }, "topP"],
    [{ maxTokens: "0" }, "maxTokens"],
    [{ maxTokens: "1.5" }, "maxTokens"],
    [{ seed: "1e400" }, "seed"],
    [{ stop: "1\n2\n3\n4\n5" }, "stop"],
    [{ format: "schema", schema: "" }, "schema"],
    [{ format: "schema", schema: "{" }, "schema"],
    [{ useTools: true, tools: "" }, "tools"],
    [{ useTools: true, tools: "[]" }, "tools"],
    [{ useTools: true, tools: '[{"description":"x"}]' }, "tools"],
    [{ useTools: true, tools: '{"name":"no spaces please"}' }, "tools"],
  ])("%o is wrong", (settings, name) => {
    const { fields, problems } = read(settings);
    expect(Object.keys(problems)).toEqual([name]);
    expect(fields).toEqual({});
  });

  test("what isn't used isn't looked at", () => {
    expect(read({ schema: "{", tools: "[" }).problems).toEqual({});
  });

  test("a schema, bare and named", () => {
    const schema = { type: "object", properties: {} };
    expect(read({ format: "schema", schema: JSON.stringify(schema) }).fields.response_format).toEqual({
      type: "json_schema",
      json_schema: { name: "answer", schema, strict: true },
    });
    const named = { name: "n", schema };
    expect(read({ format: "schema", schema: JSON.stringify(named) }).fields.response_format).toEqual({
      type: "json_schema",
      json_schema: named,
    });
  });

  test("functions, bare and as tools", () => {
    const bare = { name: "f", parameters: {} };
    const tool = { type: "function", function: bare };
    for (const tools of [bare, [bare], [tool]])
      expect(read({ useTools: true, tools: JSON.stringify(tools) }).fields.tools).toEqual([tool]);
  });
});

describe("the text of a schema", () => {
  test.each([
    '{"type":"object","properties":{"a":{"type":["string","null"]}},"required":["a"]}',
    '{"type":"array","items":{"enum":[1,2]}}',
    '{"anyOf":[{"type":"string"},{"$ref":"#/$defs/x"}],"$defs":{"x":true}}',
  ])("%s is good", (source) => expect(schemaProblem(source)).toBeNull());

  test.each([
    ["[]", "object"],
    ['{"type":"text"}', "“text”"],
    ['{"properties":{"a":{"type":"int"}}}', "/properties/a"],
    ['{"properties":{"a":1}}', "/properties/a"],
    ['{"required":["a"],"properties":{}}', "“a”"],
    ['{"required":"a"}', "list"],
    ['{"items":{"enum":1}}', "/items"],
    ['{"anyOf":{}}', "/anyOf"],
    ["nonsense", "not JSON"],
  ])("%s is not", (source, said) => expect(schemaProblem(source)).toContain(said));
});

describe("messages", () => {
  const picture = { kind: "image", name: "a.png", url: "data:image/png;base64,AA==" } as const;
  const sound = { kind: "audio", name: "a.wav", format: "wav", data: "AA==" } as const;

  test("a system prompt, words, and what failed is left out", () => {
    const failed: Turn = { ...emptyAnswer("m", false), state: "failed" };
    const said: Turn = { ...emptyAnswer("m", false), text: "Hi", reasoning: "hm" };
    expect(messagesOf("Be kind.", [question("Hello", []), said, question("And?", []), failed])).toEqual([
      { role: "system", content: "Be kind." },
      { role: "user", content: "Hello" },
      { role: "assistant", content: "Hi" },
      { role: "user", content: "And?" },
    ]);
  });

  test("pictures and sound", () => {
    const turn = question("Look", [picture, sound]);
    expect(messagesOf("", [turn])).toEqual([
      {
        role: "user",
        content: [
          { type: "text", text: "Look" },
          { type: "image_url", image_url: { url: picture.url } },
          { type: "input_audio", input_audio: { data: "AA==", format: "wav" } },
        ],
      },
    ]);
    expect(messagesOf("", [question("Look", [picture])], false)).toEqual([{ role: "user", content: "Look" }]);
  });

  test("calls and their results", () => {
    const call = { id: "c1", name: "f", args: "{}", result: "42" };
    const answer: Turn = { ...emptyAnswer("m", false), calls: [call] };
    expect(messagesOf("", [answer])).toEqual([
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "c1", type: "function", function: { name: "f", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: "c1", content: "42" },
    ]);
  });

  test("the body asks for a stream that tells its tokens", () => {
    expect(bodyOf("m", { ...PLAIN_SETTINGS, seed: "1" }, [question("a", [])])).toEqual({
      model: "m",
      messages: [{ role: "user", content: "a" }],
      stream: true,
      stream_options: { include_usage: true },
      seed: 1,
    });
  });
});
