import { describe, expect, test } from "vitest";
import { curlOf, literal, pythonOf, quoted } from "./snippets";

const BASE = "http://10.0.0.7:32768/v1";

describe("a word for the shell", () => {
  test.each([
    ["plain-1.2/x:y", "plain-1.2/x:y"],
    ["two words", "'two words'"],
    ["it's", `'it'\\''s'`],
    ['$HOME `id` \\ "x" !y', "'$HOME `id` \\ \"x\" !y'"],
    ["", "''"],
    ["a\nb", "'a\nb'"],
  ])("%s", (word, expected) => expect(quoted(word)).toBe(expected));
});

describe("curl", () => {
  test("a short question is an argument", () => {
    const command = curlOf(BASE, {
      model: "m",
      messages: [{ role: "user", content: "it's $5" }],
      stream: true,
    });
    expect(command).toBe(
      [
        "curl -sS -N http://10.0.0.7:32768/v1/chat/completions \\",
        '  -H "Authorization: Bearer $CORRAL_API_KEY" \\',
        "  -H 'Content-Type: application/json' \\",
        "  -d '{",
        '  "model": "m",',
        '  "messages": [',
        "    {",
        '      "role": "user",',
        `      "content": "it'\\''s $5"`,
        "    }",
        "  ],",
        '  "stream": true',
        "}'",
      ].join("\n"),
    );
  });

  test("a long one goes in by itself", () => {
    const command = curlOf(BASE, { picture: "x".repeat(70_000) });
    expect(command).toMatch(/--data-binary @- <<'JSON'\n\{\n {2}"picture": "x+"\n\}\nJSON$/);
    expect(command).not.toContain("-N");
  });
});

describe("Python", () => {
  test.each([
    [null, "None"],
    [true, "True"],
    [false, "False"],
    [1.5, "1.5"],
    ['"\n\\', '"\\"\\n\\\\"'],
    [[], "[]"],
    [{}, "{}"],
    [{ a: [1] }, '{\n    "a": [\n        1,\n    ],\n}'],
  ])("%o", (value, expected) => expect(literal(value)).toBe(expected));

  test("a program", () => {
    const body = { model: "m", messages: [], stream: true, stream_options: { include_usage: true } };
    const program = pythonOf(BASE, body);
    expect(program).toContain(
      'client = OpenAI(base_url="http://10.0.0.7:32768/v1", api_key=os.environ["CORRAL_API_KEY"])',
    );
    expect(program).toContain(
      'stream = client.chat.completions.create(\n    model="m",\n    messages=[],\n    stream=True,\n)\n',
    );
    expect(program).not.toContain("stream_options");
  });
});
