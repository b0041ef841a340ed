import type { Answer, Failure, ToolCall } from "./chat";

interface Delta {
  content?: unknown;
  reasoning_content?: unknown;
  reasoning?: unknown;
  tool_calls?: unknown;
}

interface CallDelta {
  index?: number;
  id?: string;
  function?: { name?: string; arguments?: string };
}

interface Said {
  message?: unknown;
  code?: unknown;
}

interface Chunk {
  choices?: { delta?: Delta; finish_reason?: unknown }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
  error?: Said;
}

/** Reads the events of a streamed chat completion into an answer. `now` is in milliseconds, of any clock. */
export class AnswerReader {
  private calls = new Map<number, ToolCall>();
  private ended = false;

  constructor(
    private readonly answer: Answer,
    private readonly sentAt: number,
  ) {}

  /** The headers of the answer. */
  began(headers: Headers): void {
    const { facts } = this.answer;
    facts.node = headers.get("x-corral-node");
    const waited = headers.get("x-queue-wait-ms");
    facts.queuedMs = waited === null ? null : Number(waited);
  }

  /** A comment of the stream. */
  heard(comment: string): void {
    const name = /^continued on (.+)$/.exec(comment.trim())?.[1];
    if (name !== undefined) this.answer.facts.continuedOn.push(name);
  }

  /** The data of an event. */
  take(data: string, now: number): void {
    if (data === "[DONE]") {
      this.ended = true;
      return;
    }
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error !== undefined) this.failed(failureOf(chunk.error));
    const choice = chunk.choices?.[0];
    if (choice !== undefined) {
      this.add(choice.delta ?? {}, now);
      if (typeof choice.finish_reason === "string") this.answer.facts.finish = choice.finish_reason;
    }
    if (chunk.usage) {
      this.answer.facts.promptTokens = chunk.usage.prompt_tokens ?? null;
      this.answer.facts.completionTokens = chunk.usage.completion_tokens ?? null;
    }
  }

  /** The connection has ended. `broken`: what to say if the answer had not. */
  end(now: number, broken: string): void {
    this.answer.facts.totalMs = now - this.sentAt;
    if (this.answer.state !== "growing") return;
    if (this.ended || this.answer.facts.finish !== null) this.answer.state = "done";
    else this.failed({ message: broken, code: "broken", retryAt: null });
  }

  /** The reader wants no more. */
  stop(now: number): void {
    this.answer.facts.totalMs = now - this.sentAt;
    this.answer.state = "stopped";
    this.answer.calls = [];
  }

  failed(failure: Failure): void {
    this.answer.state = "failed";
    this.answer.failure = failure;
    this.answer.calls = [];
  }

  private add(delta: Delta, now: number): void {
    const { answer } = this;
    const thought = delta.reasoning_content ?? delta.reasoning;
    const before = answer.text.length + answer.reasoning.length + answer.calls.length;
    if (typeof thought === "string") answer.reasoning += thought;
    if (typeof delta.content === "string") answer.text += delta.content;
    if (Array.isArray(delta.tool_calls)) (delta.tool_calls as CallDelta[]).forEach((each) => this.call(each));
    const more = answer.text.length + answer.reasoning.length + answer.calls.length > before;
    if (more && answer.facts.firstTokenMs === null) answer.facts.firstTokenMs = now - this.sentAt;
  }

  private call({ index = 0, id, function: called }: CallDelta): void {
    let call = this.calls.get(index);
    if (call === undefined) {
      this.answer.calls.push({ id: id ?? `call_${index}`, name: "", args: "", result: null });
      call = this.answer.calls[this.answer.calls.length - 1]!;
      this.calls.set(index, call);
    }
    call.name += called?.name ?? "";
    call.args += called?.arguments ?? "";
  }
}

/** Tokens per second while the answer was written; null where it can't be told. */
export function rateOf({ facts }: Answer): number | null {
  const { completionTokens: tokens, firstTokenMs: first, totalMs: total } = facts;
  if (tokens === null || first === null || total === null || tokens < 2 || total - first < 1) return null;
  return ((tokens - 1) / (total - first)) * 1000;
}

function failureOf(said: Said): Failure {
  return {
    message: typeof said.message === "string" ? said.message : JSON.stringify(said),
    code: typeof said.code === "string" ? said.code : "unknown",
    retryAt: null,
  };
}
