/** A picture as a data URL, or sound as base64. */
export type Attachment =
  | { kind: "image"; name: string; url: string }
  | { kind: "audio"; name: string; format: "wav" | "mp3"; data: string };

/** A function that the model wants called, and what the reader typed as its result. */
export interface ToolCall {
  id: string;
  name: string;
  args: string;
  result: string | null;
}

/** What became known of an answer besides its words. Times are milliseconds since the request was sent. */
export interface Facts {
  node: string | null;
  queuedMs: number | null;
  firstTokenMs: number | null;
  totalMs: number | null;
  promptTokens: number | null;
  completionTokens: number | null;
  finish: string | null;
  continuedOn: string[];
}

/** Why there is no answer, or only a part of one. */
export interface Failure {
  message: string;
  code: string;
  /** Unix time in milliseconds; null: at once. */
  retryAt: number | null;
}

export interface Question {
  id: string;
  role: "user";
  text: string;
  attachments: Attachment[];
}

export interface Answer {
  id: string;
  role: "assistant";
  model: string;
  text: string;
  reasoning: string;
  calls: ToolCall[];
  state: "growing" | "done" | "stopped" | "failed";
  failure: Failure | null;
  facts: Facts;
  /** It was asked for JSON. */
  json: boolean;
}

export type Turn = Question | Answer;

/** As typed; `request.ts` says what is wrong with it. */
export interface Settings {
  system: string;
  temperature: string;
  topP: string;
  maxTokens: string;
  seed: string;
  /** One per line. */
  stop: string;
  format: "text" | "json" | "schema";
  schema: string;
  useTools: boolean;
  tools: string;
}

export interface Chat {
  id: string;
  title: string;
  /** A person gave the title. */
  named: boolean;
  createdAt: number;
  updatedAt: number;
  model: string;
  settings: Settings;
  turns: Turn[];
}

/** What the list of chats needs of one. */
export interface Summary {
  id: string;
  title: string;
  model: string;
  updatedAt: number;
  /** Its words in lower case, for the search. */
  words: string;
}

export const PLAIN_SETTINGS: Settings = {
  system: "",
  temperature: "",
  topP: "",
  maxTokens: "",
  seed: "",
  stop: "",
  format: "text",
  schema: "",
  useTools: false,
  tools: "",
};

const LONGEST_TITLE = 60;
const MOST_WORDS = 20_000;

export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID lacks on pages without HTTPS
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function newChat(model: string, settings: Settings, now: number): Chat {
  return {
    id: newId(),
    title: "",
    named: false,
    createdAt: now,
    updatedAt: now,
    model,
    settings: { ...settings },
    turns: [],
  };
}

export function question(text: string, attachments: Attachment[]): Question {
  return { id: newId(), role: "user", text, attachments };
}

export function emptyAnswer(model: string, json: boolean): Answer {
  return {
    id: newId(),
    role: "assistant",
    model,
    text: "",
    reasoning: "",
    calls: [],
    state: "growing",
    failure: null,
    json,
    facts: {
      node: null,
      queuedMs: null,
      firstTokenMs: null,
      totalMs: null,
      promptTokens: null,
      completionTokens: null,
      finish: null,
      continuedOn: [],
    },
  };
}

/** A title from the first question; empty while there is none. */
export function titleOf(turns: readonly Turn[]): string {
  const first = turns.find((turn): turn is Question => turn.role === "user");
  if (first === undefined) return "";
  const line = first.text.trim().split("\n")[0] ?? "";
  const words = line || first.attachments[0]?.name || "";
  return words.length <= LONGEST_TITLE ? words : `${words.slice(0, LONGEST_TITLE - 1).trimEnd()}…`;
}

export function summaryOf(chat: Chat): Summary {
  const words = [chat.title, ...chat.turns.map((turn) => turn.text)].join("\n").toLowerCase();
  const { id, title, model, updatedAt } = chat;
  return { id, title, model, updatedAt, words: words.slice(0, MOST_WORDS) };
}

/** The chats with all words of `query`, newest first. */
export function found(summaries: readonly Summary[], query: string): Summary[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return summaries
    .filter((each) => words.every((word) => each.words.includes(word)))
    .sort((one, other) => other.updatedAt - one.updatedAt);
}

/** Whether an answer waits for results of its calls before the chat can go on. */
export function waitsForResults(turn: Turn | undefined): boolean {
  return (
    turn?.role === "assistant" && turn.state === "done" && turn.calls.some((call) => call.result === null)
  );
}
