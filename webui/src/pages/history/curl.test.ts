import { describe, expect, it } from "vitest";
import { canBeAsked, curlOf, lacksMedia, quoted } from "./curl";

/** What a POSIX shell makes of words in single quotes and escaped quotes between them. */
function read(word: string): string {
  const parts = word.match(/'[^']*'|\\'/g) ?? [];
  expect(parts.join("")).toBe(word);
  return parts.map((part) => (part === "\\'" ? "'" : part.slice(1, -1))).join("");
}

describe("quoting", () => {
  it.each(["", "plain", "it's", "''", "a\nb", '$HOME `id` \\ "x" !1', "'; rm -rf / #", "ü 数据 \u{1F411}"])(
    "keeps %j",
    (text) => {
      expect(read(quoted(text))).toBe(text);
    },
  );
});

describe("a command", () => {
  const body = { model: "m", stream: true, messages: [{ role: "user", content: "it's\nme" }] };

  it("holds the same body", () => {
    const command = curlOf({ path: "/v1/chat/completions", request_body: body }, "http://host:1");
    expect(command.startsWith("curl --no-buffer 'http://host:1/v1/chat/completions' \\\n")).toBe(true);
    expect(command).toContain('-H "Authorization: Bearer $CORRAL_API_KEY"');
    expect(JSON.parse(read(command.split("--data-raw ")[1]!))).toEqual(body);
  });

  it.each([
    ["/v1/chat/completions", { model: "m" }, true],
    ["/v1/chat/completions", '{"model": … [cut, 9 characters]', false],
    ["/v1/chat/completions", null, false],
    ["/v1/audio/transcriptions", { model: "m" }, false],
  ])("of %s with %j: %s", (path, request_body, can) => {
    expect(canBeAsked({ path, request_body })).toBe(can);
  });

  it("says when media are missing", () => {
    const url = "[redacted image/png len=1234]";
    expect(
      lacksMedia({ path: "/", request_body: { messages: [{ content: [{ image_url: { url } }] }] } }),
    ).toBe(true);
    expect(lacksMedia({ path: "/", request_body: body })).toBe(false);
  });
});
