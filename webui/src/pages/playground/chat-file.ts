import { text } from "../../text/playground";
import {
  emptyAnswer,
  newId,
  PLAIN_SETTINGS,
  titleOf,
  type Attachment,
  type Chat,
  type Settings,
  type ToolCall,
  type Turn,
} from "./chat";

const KIND = "corral.chats";
const VERSION = 1;

/** The text of a file with chats. */
export function exported(chats: readonly Chat[]): string {
  return JSON.stringify({ kind: KIND, version: VERSION, chats }, null, 2);
}

/** The chats of such a file, each with an id of its own, so that none is overwritten. Throws an Error for people. */
export function imported(source: string, now: number): Chat[] {
  let given: unknown;
  try {
    given = JSON.parse(source);
  } catch {
    throw new Error(text.file.notJson);
  }
  const { kind, version, chats } = record(given);
  if (kind !== KIND || !Array.isArray(chats)) throw new Error(text.file.notChats);
  if (typeof version !== "number" || version > VERSION) throw new Error(text.file.newer);
  return chats.map((each) => chatOf(record(each), now));
}

type Fields = Record<string, unknown>;

function chatOf(given: Fields, now: number): Chat {
  const turns = list(given.turns)
    .map((each) => turnOf(record(each)))
    .filter((turn) => turn !== null);
  return {
    id: newId(),
    title: string(given.title) || titleOf(turns),
    named: given.named === true,
    createdAt: number(given.createdAt) ?? now,
    updatedAt: number(given.updatedAt) ?? now,
    model: string(given.model),
    settings: settingsOf(record(given.settings)),
    turns,
  };
}

function turnOf(given: Fields): Turn | null {
  if (given.role === "user")
    return {
      id: newId(),
      role: "user",
      text: string(given.text),
      attachments: list(given.attachments)
        .map((each) => attachmentOf(record(each)))
        .filter((each) => each !== null),
    };
  if (given.role !== "assistant") return null;
  const answer = emptyAnswer(string(given.model), given.json === true);
  const facts = record(given.facts);
  return {
    ...answer,
    text: string(given.text),
    reasoning: string(given.reasoning),
    calls: list(given.calls).map((each) => callOf(record(each))),
    state: given.state === "done" ? "done" : "stopped",
    facts: {
      node: string(facts.node) || null,
      queuedMs: number(facts.queuedMs),
      firstTokenMs: number(facts.firstTokenMs),
      totalMs: number(facts.totalMs),
      promptTokens: number(facts.promptTokens),
      completionTokens: number(facts.completionTokens),
      finish: string(facts.finish) || null,
      continuedOn: list(facts.continuedOn).map(string),
    },
  };
}

function callOf(given: Fields): ToolCall {
  const result = typeof given.result === "string" ? given.result : null;
  return { id: string(given.id), name: string(given.name), args: string(given.args), result };
}

function attachmentOf(given: Fields): Attachment | null {
  const name = string(given.name);
  if (given.kind === "image" && /^data:image\/(png|jpeg|gif|webp);base64,/.test(string(given.url)))
    return { kind: "image", name, url: string(given.url) };
  if (given.kind === "audio" && (given.format === "wav" || given.format === "mp3"))
    return { kind: "audio", name, format: given.format, data: string(given.data) };
  return null;
}

function settingsOf(given: Fields): Settings {
  const { format } = given;
  return {
    system: string(given.system),
    temperature: string(given.temperature),
    topP: string(given.topP),
    maxTokens: string(given.maxTokens),
    seed: string(given.seed),
    stop: string(given.stop),
    format: format === "json" || format === "schema" ? format : PLAIN_SETTINGS.format,
    schema: string(given.schema),
    useTools: given.useTools === true,
    tools: string(given.tools),
  };
}

function record(given: unknown): Fields {
  return typeof given === "object" && given !== null && !Array.isArray(given) ? (given as Fields) : {};
}

function list(given: unknown): unknown[] {
  return Array.isArray(given) ? given : [];
}

function string(given: unknown): string {
  return typeof given === "string" ? given : "";
}

function number(given: unknown): number | null {
  return typeof given === "number" && Number.isFinite(given) ? given : null;
}
