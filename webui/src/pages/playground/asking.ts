import { api, ApiError } from "../../api/client";
import { eventsOf } from "../../api/sse";
import { text } from "../../text/playground";
import { AnswerReader } from "./answer-reader";
import type { Answer, Failure } from "./chat";
import type { Fields } from "./request";

export const CHAT = "/v1/chat/completions";

/** Asks the model and fills `answer` as it comes. Never throws: what goes wrong is in the answer. `key`: instead of the session. */
export async function ask(answer: Answer, body: Fields, key: string, signal: AbortSignal): Promise<void> {
  const reader = new AnswerReader(answer, performance.now());
  try {
    const response = await api.raw(CHAT, { body, signal, headers: key ? { "x-api-key": key } : {} });
    reader.began(response.headers);
    for await (const { data } of eventsOf(response, (comment) => reader.heard(comment)))
      reader.take(data, performance.now());
    if (signal.aborted) reader.stop(performance.now());
    else reader.end(performance.now(), text.answer.broken);
  } catch (error) {
    if (signal.aborted) reader.stop(performance.now());
    else reader.failed(failureOf(error, Date.now()));
  }
}

/** What a model hears in a recording. Throws ApiError. */
export async function transcribed(file: File, model: string, key: string): Promise<string> {
  const body = new FormData();
  body.set("model", model);
  body.set("file", file, file.name);
  const headers: Record<string, string> = key ? { "x-api-key": key } : {};
  const response = await api.raw("/v1/audio/transcriptions", { body, headers });
  const { text: words } = (await response.json()) as { text?: unknown };
  return typeof words === "string" ? words.trim() : "";
}

/** What the reader is told of an error; `now` is Unix time in milliseconds. */
export function failureOf(error: unknown, now: number): Failure {
  if (!(error instanceof ApiError)) return { message: text.answer.broken, code: "broken", retryAt: null };
  const { message, code, retryAfterS } = error;
  return { message, code, retryAt: retryAfterS === null ? null : now + 1000 * retryAfterS };
}
