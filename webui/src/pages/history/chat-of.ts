import type { Schema } from "../../api/client";
import {
  emptyAnswer,
  newChat,
  newId,
  PLAIN_SETTINGS,
  question,
  titleOf,
  type Answer,
  type Chat,
  type Settings,
} from "../playground/chat";
import { conversationOf, type Turn } from "./conversation";

type Request = Schema<"RequestDetail">;
type Json = Record<string, unknown>;

const CONVERSATIONS = /\/(chat\/completions|completions|responses|messages|chat|generate)$/;

/** Whether a request is a conversation, which can go on in the playground. */
export function isConversation({ path, request_body }: Request): boolean {
  return CONVERSATIONS.test(path) && typeof request_body === "object" && request_body !== null;
}

/** The request and its answer as a chat of the playground, with the same model and settings. */
export function chatOf(request: Request, now: number): Chat {
  const body = request.request_body as Json;
  const turns = conversationOf(body, request.answer_body);
  const model = request.model ?? "";
  const chat = newChat(model, { ...settingsOf(body), system: systemOf(turns) }, now);
  for (const turn of turns) take(chat, turn, model);
  chat.title = titleOf(chat.turns);
  return chat;
}

function take(chat: Chat, turn: Turn, model: string): void {
  const last = chat.turns.at(-1);
  if (turn.role === "system" || turn.role === "developer") return;
  if (turn.role === "tool") {
    const call = last?.role === "assistant" ? last.calls.find(({ result }) => result === null) : undefined;
    if (call) call.result = textOf(turn, "result");
  } else if (turn.role !== "assistant") {
    const text = textOf(turn, "text", "media", "result");
    if (last?.role === "user") last.text += `\n\n${text}`;
    else chat.turns.push(question(text, []));
  } else if (last?.role === "assistant") {
    add(last, turn);
  } else {
    const answer: Answer = { ...emptyAnswer(model, false), state: "done" };
    chat.turns.push(answer);
    add(answer, turn);
  }
}

function add(answer: Answer, turn: Turn): void {
  answer.text = [answer.text, textOf(turn, "text")].filter(Boolean).join("\n\n");
  answer.reasoning = [answer.reasoning, textOf(turn, "thought")].filter(Boolean).join("\n\n");
  for (const part of turn.parts)
    if (part.kind === "call")
      answer.calls.push({ id: newId(), name: part.name, args: part.text, result: null });
}

function textOf(turn: Turn, ...kinds: string[]): string {
  return turn.parts
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ text }) => text)
    .join("\n\n");
}

function systemOf(turns: readonly Turn[]): string {
  return turns
    .filter(({ role }) => role === "system" || role === "developer")
    .map((turn) => textOf(turn, "text"))
    .join("\n\n");
}

function settingsOf(body: Json): Settings {
  const number = (...names: string[]) => {
    const value = names.map((name) => body[name]).find((each) => typeof each === "number");
    return value === undefined ? "" : String(value);
  };
  const format = body.response_format as { type?: string; json_schema?: { schema?: unknown } } | undefined;
  const stop = Array.isArray(body.stop) ? body.stop.map(String) : body.stop ? [String(body.stop)] : [];
  const tools = Array.isArray(body.tools) && body.tools.length > 0;
  return {
    ...PLAIN_SETTINGS,
    temperature: number("temperature"),
    topP: number("top_p"),
    maxTokens: number("max_completion_tokens", "max_tokens", "max_output_tokens"),
    seed: number("seed"),
    stop: stop.join("\n"),
    format: format?.type === "json_object" ? "json" : format?.type === "json_schema" ? "schema" : "text",
    schema: format?.json_schema?.schema ? JSON.stringify(format.json_schema.schema, null, 2) : "",
    useTools: tools,
    tools: tools ? JSON.stringify(body.tools, null, 2) : "",
  };
}
