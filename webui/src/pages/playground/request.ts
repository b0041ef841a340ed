import { text } from "../../text/playground";
import type { Answer, Attachment, Settings, Turn } from "./chat";
import { schemaProblem } from "./schema-text";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type Fields = Record<string, Json>;
export type Problems = Partial<Record<keyof Settings, string>>;

interface Read {
  fields: Fields;
  problems: Problems;
}

/** What the settings add to a request, and what is wrong with them. */
export function fieldsOf(settings: Settings): Read {
  const read: Read = { fields: {}, problems: {} };
  number(read, settings, "temperature", "temperature", { min: 0, max: 2 });
  number(read, settings, "topP", "top_p", { min: 0, max: 1 });
  number(read, settings, "maxTokens", "max_tokens", { min: 1, whole: true });
  number(read, settings, "seed", "seed", { whole: true });
  const stop = settings.stop.split("\n").filter(Boolean);
  if (stop.length > 4) read.problems.stop = text.problems.stop;
  else if (stop.length > 0) read.fields.stop = stop;
  format(read, settings);
  if (settings.useTools) tools(read, settings);
  return read;
}

/** The body of a request that answers `turns`. `pictures`: the model can see them. */
export function bodyOf(
  model: string,
  settings: Settings,
  turns: readonly Turn[],
  { pictures = true }: { pictures?: boolean } = {},
): Fields {
  return {
    model,
    messages: messagesOf(settings.system, turns, pictures),
    stream: true,
    stream_options: { include_usage: true },
    ...fieldsOf(settings).fields,
  };
}

/** The conversation as the API wants it. Answers that failed without a word are left out. */
export function messagesOf(system: string, turns: readonly Turn[], pictures = true): Json[] {
  const messages: Json[] = system.trim() ? [{ role: "system", content: system }] : [];
  for (const turn of turns) {
    if (turn.role === "user") messages.push({ role: "user", content: contentOf(turn, pictures) });
    else messages.push(...answered(turn));
  }
  return messages;
}

function answered(answer: Answer): Json[] {
  if (!answer.text && answer.calls.length === 0) return [];
  const calls = answer.calls.map((call) => ({
    id: call.id,
    type: "function",
    function: { name: call.name, arguments: call.args },
  }));
  const said: Fields = { role: "assistant", content: answer.text || null };
  if (calls.length > 0) said.tool_calls = calls;
  const results = answer.calls.map((call) => ({
    role: "tool",
    tool_call_id: call.id,
    content: call.result ?? "",
  }));
  return [said, ...results];
}

function contentOf(turn: { text: string; attachments: readonly Attachment[] }, pictures: boolean): Json {
  const sent = turn.attachments.filter((each) => pictures || each.kind !== "image");
  if (sent.length === 0) return turn.text;
  const said: Json[] = turn.text ? [{ type: "text", text: turn.text }] : [];
  return [...said, ...sent.map(partOf)];
}

function partOf(attachment: Attachment): Json {
  if (attachment.kind === "image") return { type: "image_url", image_url: { url: attachment.url } };
  return { type: "input_audio", input_audio: { data: attachment.data, format: attachment.format } };
}

function number(
  { fields, problems }: Read,
  settings: Settings,
  name: "temperature" | "topP" | "maxTokens" | "seed",
  field: string,
  { min = -Infinity, max = Infinity, whole = false }: { min?: number; max?: number; whole?: boolean },
): void {
  const typed = settings[name].trim().replace(",", ".");
  if (typed === "") return;
  const value = Number(typed);
  if (Number.isFinite(value) && value >= min && value <= max && (!whole || Number.isSafeInteger(value)))
    fields[field] = value;
  else problems[name] = text.problems[name];
}

function format({ fields, problems }: Read, settings: Settings): void {
  if (settings.format === "json") fields.response_format = { type: "json_object" };
  if (settings.format !== "schema") return;
  const problem = schemaProblem(settings.schema);
  if (problem !== null) {
    problems.schema = problem;
    return;
  }
  const given = JSON.parse(settings.schema) as Fields;
  const named = typeof given.schema === "object" && typeof given.name === "string";
  fields.response_format = {
    type: "json_schema",
    json_schema: named ? given : { name: "answer", schema: given, strict: true },
  };
}

function tools({ fields, problems }: Read, settings: Settings): void {
  let given: unknown;
  try {
    given = JSON.parse(settings.tools);
  } catch (error) {
    problems.tools = text.problems.json(error instanceof Error ? error.message : "");
    return;
  }
  const all = (Array.isArray(given) ? given : [given]).map(functionOf);
  if (all.length === 0 || all.includes(null)) problems.tools = text.problems.tools;
  else fields.tools = all.map((each) => ({ type: "function", function: each }));
}

/** The function of a tool in OpenAI's shape, or of one written without what is around it; null: it has no name. */
function functionOf(given: unknown): Json {
  if (typeof given !== "object" || given === null) return null;
  const inside = "function" in given ? given.function : given;
  if (typeof inside !== "object" || inside === null || !("name" in inside)) return null;
  return typeof inside.name === "string" && /^[\w.-]{1,64}$/.test(inside.name) ? (inside as Json) : null;
}
