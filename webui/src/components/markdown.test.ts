import { describe, expect, test } from "vitest";
import { blocksOf, GrowingMarkdown, htmlOf, type Block } from "./markdown";

function html(source: string): string {
  return blocksOf(source)
    .map((block) => (block.kind === "html" ? block.html : `[${block.language}|${block.code}]`))
    .join("");
}

describe("what models write", () => {
  test.each([
    ["**bold** and `code`", "<p><strong>bold</strong> and <code>code</code></p>\n"],
    ["a\nb", "<p>a<br>b</p>\n"],
    ["# One", "<h1>One</h1>\n"],
    ["- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"],
    ["- [x] done", "<ul>\n<li>☑ done</li>\n</ul>\n"],
    ["~~gone~~", "<p><del>gone</del></p>\n"],
    ["H<sub>2</sub>O<br>", "<p>H<sub>2</sub>O<br></p>\n"],
  ])("%s", (source, expected) => expect(html(source)).toBe(expected));

  test("tables", () => {
    expect(html("|a|b|\n|-|-:|\n|1|2|")).toContain('<td align="right">2</td>');
  });

  test("code with its language, also while it is being written", () => {
    const code: Block = { kind: "code", language: "python", code: "print(1)\n\nprint(2)" };
    expect(blocksOf("```python\nprint(1)\n\nprint(2)\n```\n")).toEqual([code]);
    expect(blocksOf("```python\nprint(1)\n\nprint(2)")).toEqual([code]);
  });

  test("fences of tildes, and longer ones around shorter ones", () => {
    expect(html("~~~\na\n~~~")).toBe("[|a]");
    expect(html("````md\n```\na\n```\n````")).toBe("[md|```\na\n```]");
  });

  test("code in a list has a button", () => {
    const made = html("1. so:\n\n   ```sh\n   ls <b>\n   ```");
    expect(made).toContain("<span>sh</span><button");
    expect(made).toContain("<code>ls &lt;b&gt;</code>");
  });
});

describe("harm", () => {
  test.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a <b onmouseover=alert(1)>b</b>",
    "<iframe src=//evil.example></iframe>",
    "<div>\n<style>*{display:none}</style>\n</div>",
    "<svg><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<<script>script>alert(1)<</script>/script>",
    "<b <script>alert(1)</script>>",
    "<!-- <script>alert(1)</script> -->",
    "`<script>`",
    '[a](<https://x.example/" onclick="alert(1)>)',
    '![a" onerror="alert(1)](https://x.example/a.png)',
    '```"><script>alert(1)</script>\ncode\n```',
    '- ```js" onload="x\n  code\n  ```',
    "|<script>|\n|-|\n|<img src=x onerror=x>|",
  ])("%s", (source) => {
    for (const made of [html(source), htmlOf(source)]) {
      const tags = [...made.matchAll(/<([a-z/][^>]*)>/gi)].map((tag) => tag[1]!);
      for (const tag of tags) {
        expect(tag).toMatch(
          /^(\/?(p|b|br|code|strong|ul|ol|li|table|thead|tbody|tr|th|td|pre|figcaption|span|figure)|figure class="code"|pre tabindex="0"|button type="button" data-copy|\/button|a href="[^"<>]*" target="_blank" rel="noopener noreferrer"|\/a)$/,
        );
      }
    }
  });

  test.each([
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java\tscript:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "[a](data:text/html,<script>alert(1)</script>)",
    "[a](vbscript:x)",
    "[a](//evil.example)",
    "[a](/v0/auth/logout)",
    "[a](file:///etc/passwd)",
    "<javascript:alert(1)>",
    "![a](data:image/svg+xml,x)",
  ])("no link: %s", (source) => expect(html(source)).not.toContain("<a "));

  test("links open elsewhere and tell nothing", () => {
    const made = html("[a](https://x.example/?a=1&b=2), www.x.example, <me@x.example>");
    expect(made.match(/<a [^>]*>/g)).toEqual([
      '<a href="https://x.example/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">',
      '<a href="http://www.x.example" target="_blank" rel="noopener noreferrer">',
      '<a href="mailto:me@x.example" target="_blank" rel="noopener noreferrer">',
    ]);
  });

  test("pictures are links", () => {
    expect(html("![a cat](https://x.example/cat.png)")).toBe(
      '<p><a href="https://x.example/cat.png" target="_blank" rel="noopener noreferrer">a cat (picture)</a></p>\n',
    );
  });
});

describe("what would take long is shown as it is", () => {
  test.each([
    ["a line without end", "x".repeat(100_000)],
    ["marks without end", "_a".repeat(50_000)],
    ["quotations in quotations", `${">".repeat(3_000)}a`],
    ["lists in lists", `${"- ".repeat(3_000)}a`],
    ["lazy lines in a list", `- ${"a\n".repeat(50_000)}`],
  ])("%s", (_, source) => {
    const made = html(source);
    expect(made).toContain('<p class="plain">');
    expect(made.length).toBeGreaterThanOrEqual(source.length);
  });

  test("what stands beside it is not", () => {
    const made = html(`**a**\n\n${"x".repeat(9_000)}\n\n**b**`);
    expect(made).toMatch(
      /^<p><strong>a<\/strong><\/p>\n<p class="plain">x+\n<\/p><p><strong>b<\/strong><\/p>\n$/,
    );
  });
});

const DOCUMENT = `# Title

Some *text* with a [link](https://x.example).

- one
- two

  more of two
- three

\`\`\`js
let a = "# no title";

let b;
\`\`\`

| a | b |
|---|---|
| 1 | 2 |

> quoted
> twice

1. first

   ~~~
   inside
   ~~~
2. second

Last words`;

describe("growing", () => {
  test("letter by letter it ends as it does at once", () => {
    const reader = new GrowingMarkdown();
    let last: readonly Block[] = [];
    for (let end = 1; end <= DOCUMENT.length; end += 1) last = reader.update(DOCUMENT.slice(0, end));
    expect(last).toEqual(blocksOf(DOCUMENT));
    expect(last.map((block) => block.kind)).toEqual("html html html code html html html html".split(" "));
  });

  test("what is settled stays the same", () => {
    const reader = new GrowingMarkdown();
    const before = reader.update("# a\n\nb\n\nc, in more words");
    const after = reader.update("# a\n\nb\n\nc, in more words, and more");
    expect(after[0]).toBe(before[0]);
    expect(after[1]).toBe(before[1]);
    expect(after[2]).toEqual({ kind: "html", html: "<p>c, in more words, and more</p>\n" });
  });

  test("another text is another text", () => {
    const reader = new GrowingMarkdown();
    reader.update("a\n\nb\n\nc");
    expect(reader.update("d")).toEqual([{ kind: "html", html: "<p>d</p>\n" }]);
  });

  test("nothing", () => expect(blocksOf("")).toEqual([]));
  test("empty lines", () => expect(blocksOf("\n\n \n")).toEqual([]));
});
