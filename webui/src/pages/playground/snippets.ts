import type { Fields, Json } from "./request";

const LONGEST_ARGUMENT = 60_000; // an argument of a command may have 128 KiB on Linux
const KEY = "CORRAL_API_KEY";

/** A command for bash and zsh that asks the same; the key comes from the environment. */
export function curlOf(base: string, body: Fields): string {
  const json = JSON.stringify(body, null, 2);
  const head = [
    `curl -sS ${body.stream === true ? "-N " : ""}${quoted(`${base}/chat/completions`)} \\`,
    `  -H "Authorization: Bearer $${KEY}" \\`,
    `  -H 'Content-Type: application/json' \\`,
  ];
  const data =
    json.length <= LONGEST_ARGUMENT ? `  -d ${quoted(json)}` : `  --data-binary @- <<'JSON'\n${json}\nJSON`;
  return [...head, data].join("\n");
}

/** A program that asks the same with the package `openai`. */
export function pythonOf(base: string, body: Fields): string {
  const { stream_options: _, ...asked } = body;
  const given = Object.entries(asked).map(([name, value]) => `    ${name}=${literal(value, 1)},`);
  const wanted = `client.chat.completions.create(\n${given.join("\n")}\n)`;
  const head = [
    "import os",
    "",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${JSON.stringify(base)}, api_key=os.environ["${KEY}"])`,
  ];
  const streamed = [
    `stream = ${wanted}`,
    "for chunk in stream:",
    "    if chunk.choices:",
    '        print(chunk.choices[0].delta.content or "", end="", flush=True)',
    "print()",
  ];
  const whole = [`answer = ${wanted}`, "print(answer.choices[0].message.content)"];
  return [...head, ...(body.stream === true ? streamed : whole), ""].join("\n");
}

/** One word for a POSIX shell. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** JSON as Python writes it. */
export function literal(value: Json, depth = 0): string {
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value === "number" || typeof value === "string") return JSON.stringify(value);
  const pad = "    ".repeat(depth + 1);
  const parts = Array.isArray(value)
    ? value.map((each) => literal(each, depth + 1))
    : Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${literal(each, depth + 1)}`);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (parts.length === 0) return `${open}${close}`;
  return `${open}\n${parts.map((part) => `${pad}${part},\n`).join("")}${"    ".repeat(depth)}${close}`;
}
