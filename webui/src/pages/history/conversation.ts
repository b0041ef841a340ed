/** A piece of what somebody said. Nothing of it is markup: it is shown as text. */
export type Part =
  | { kind: "text" | "thought" | "media" | "result"; text: string }
  | { kind: "call"; name: string; text: string };

export interface Turn {
  role: string;
  parts: Part[];
}

type Json = Record<string, unknown>;

/** What was said in a request and its answer, in the order in which it was said, whatever the dialect. */
export function conversationOf(request: unknown, answer: unknown): Turn[] {
  return [...asked(request), ...answered(answer)].filter((turn) => turn.parts.length > 0);
}

/** The error that an answer tells of. */
export function errorIn(answer: unknown): { message: string | null; code: string | null } | null {
  const error = isObject(answer) ? answer.error : undefined;
  if (typeof error === "string") return { message: error, code: null };
  if (!isObject(error)) return null;
  return { message: textOrNull(error.message), code: textOrNull(error.code) ?? textOrNull(error.type) };
}

/** The machines that went on with a stream after the first one broke. */
export function continuedOn(answer: unknown): string[] {
  const names = isObject(answer) ? answer.continued_on : undefined;
  return Array.isArray(names) ? names.map(String) : [];
}

function asked(request: unknown): Turn[] {
  if (typeof request === "string") return request ? [{ role: "user", parts: [said(request)] }] : [];
  if (!isObject(request)) return [];
  const system = [...parts(request.instructions), ...parts(request.system)];
  const turns: Turn[] = [{ role: "system", parts: system }];
  for (const message of list(request.messages)) turns.push(turnOf(message, "user"));
  if (Array.isArray(request.input)) for (const item of request.input) turns.push(turnOf(item, "user"));
  else turns.push({ role: "user", parts: parts(request.input) });
  turns.push({ role: "user", parts: [...parts(request.prompt), ...parts(request.query)] });
  for (const document of list(request.documents)) turns.push({ role: "document", parts: parts(document) });
  return turns;
}

function answered(answer: unknown): Turn[] {
  if (typeof answer === "string") return answer ? [{ role: "assistant", parts: [said(answer)] }] : [];
  if (!isObject(answer)) return [];
  const choices = list(answer.choices).flatMap((choice) =>
    isObject(choice) ? [turnOf(choice.message ?? { content: choice.text }, "assistant")] : [],
  );
  if (choices.some((turn) => turn.parts.length > 0)) return choices;
  const response = isObject(answer.response) ? answer.response : answer;
  if (Array.isArray(response.output)) return response.output.map((item) => turnOf(item, "assistant"));
  if (isObject(answer.message)) return [turnOf(answer.message, "assistant")];
  const text = answer.content ?? answer.response ?? answer.text;
  return [{ role: "assistant", parts: parts(text) }];
}

/** A message, or an item of /v1/responses. */
function turnOf(message: unknown, role: string): Turn {
  if (!isObject(message)) return { role, parts: parts(message) };
  const own = textOrNull(message.role) ?? role;
  if (message.type === "function_call") return { role: "assistant", parts: [call(message)] };
  if (message.type === "function_call_output") return { role: "tool", parts: [result(message.output)] };
  if (message.type === "reasoning") return { role: "assistant", parts: thoughts(message.summary) };
  const told = own === "tool" ? [result(message.content)] : parts(message.content);
  return {
    role: own,
    parts: [
      ...thoughts(message.reasoning_content ?? message.thinking),
      ...told,
      ...list(message.tool_calls).map(call),
    ],
  };
}

function parts(content: unknown): Part[] {
  if (content === undefined || content === null || content === "") return [];
  if (typeof content === "string") return [said(content)];
  if (Array.isArray(content)) return content.flatMap(parts);
  if (!isObject(content)) return [said(String(content))];
  switch (content.type) {
    case "tool_use":
      return [call(content)];
    case "tool_result":
      return [result(content.content)];
    case "thinking":
      return thoughts(content.thinking);
  }
  const text = textOrNull(content.text) ?? textOrNull(content.refusal);
  return [text === null ? { kind: "media", text: noteOf(content) } : said(text)];
}

function said(text: string): Part {
  return { kind: /^\[redacted [^\]]*\]$/.test(text) ? "media" : "text", text };
}

function thoughts(value: unknown): Part[] {
  return parts(value).map((part) => ({ kind: "thought", text: part.text }));
}

function call(value: unknown): Part {
  const inside = isObject(value) && isObject(value.function) ? value.function : isObject(value) ? value : {};
  return {
    kind: "call",
    name: textOrNull(inside.name) ?? "?",
    text: pretty(inside.arguments ?? inside.input),
  };
}

function result(value: unknown): Part {
  const texts = parts(value).map((part) => part.text);
  return { kind: "result", text: texts.join("\n") };
}

/** What the history kept of a picture, sound or file: its note, else its kind. */
function noteOf(content: Json): string {
  const note = JSON.stringify(content).match(/\[redacted [^\]"]*\]/)?.[0];
  return note ?? textOrNull(content.type) ?? "?";
}

/** Arguments as people read them; what isn't JSON stays as it is. */
export function pretty(value: unknown): string {
  if (value === undefined) return "";
  try {
    return JSON.stringify(typeof value === "string" ? JSON.parse(value) : value, null, 2);
  } catch {
    return String(value);
  }
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOrNull(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
