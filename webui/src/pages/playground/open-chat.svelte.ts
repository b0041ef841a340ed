import { text } from "../../text/playground";
import { ask } from "./asking";
import {
  emptyAnswer,
  question,
  titleOf,
  waitsForResults,
  type Answer,
  type Attachment,
  type Chat,
} from "./chat";
import { bodyOf, fieldsOf, type Problems } from "./request";

const SAVED_EACH_MS = 5_000;

interface Around {
  save: (chat: Chat) => Promise<void>;
  say: (words: string) => void;
  key: () => string;
  /** Whether a model can see pictures. */
  sees: (model: string) => boolean;
}

/** A chat that is read or written now. Its answer goes on while another chat is shown. */
export class OpenChat {
  chat: Chat;
  asking = $state(false);
  problems = $state.raw<Problems>({});
  private stopper: AbortController | null = null;

  constructor(
    given: Chat,
    private readonly around: Around,
  ) {
    const chat = $state(given);
    for (const turn of chat.turns) if (turn.role === "assistant") interrupted(turn);
    this.chat = chat;
  }

  get waitsForResults(): boolean {
    return waitsForResults(this.chat.turns.at(-1));
  }

  /** Whether the settings can be used; if not `problems` says why. */
  check(): boolean {
    this.problems = fieldsOf(this.chat.settings).problems;
    return Object.keys(this.problems).length === 0;
  }

  /** Ask something new. Returns whether it was sent. */
  send(words: string, attachments: Attachment[]): boolean {
    if (this.asking || this.waitsForResults || !this.check()) return false;
    this.chat.turns.push(question(words, attachments));
    if (!this.chat.named) this.chat.title = titleOf(this.chat.turns);
    void this.ask();
    return true;
  }

  /** Ask for another answer in the place of this one and all that follows. */
  again(answerId: string): void {
    if (this.asking || !this.check()) return;
    this.cut(answerId, 0);
    void this.ask();
  }

  /** Put another question in the place of one, and forget what followed. Returns whether it was sent. */
  resend(questionId: string, words: string): boolean {
    if (this.asking || !this.check()) return false;
    const turn = this.chat.turns.find((each) => each.id === questionId);
    if (turn === undefined) return false;
    turn.text = words;
    this.cut(questionId, 1);
    if (!this.chat.named) this.chat.title = titleOf(this.chat.turns);
    void this.ask();
    return true;
  }

  /** Tell the results of the calls that the last answer wants, in their order. */
  goOn(results: readonly string[]): void {
    const last = this.chat.turns.at(-1);
    if (this.asking || last?.role !== "assistant" || !this.check()) return;
    last.calls.forEach((call, at) => (call.result = results[at] ?? ""));
    void this.ask();
  }

  stop(): void {
    this.stopper?.abort();
  }

  async save(): Promise<void> {
    await this.around.save($state.snapshot(this.chat));
  }

  private cut(id: string, after: 0 | 1): void {
    const at = this.chat.turns.findIndex((turn) => turn.id === id);
    if (at >= 0) this.chat.turns.splice(at + after);
  }

  private async ask(): Promise<void> {
    const { chat } = this;
    const sees = this.around.sees(chat.model);
    const body = bodyOf(chat.model, $state.snapshot(chat.settings), chat.turns, { pictures: sees });
    chat.turns.push(emptyAnswer(chat.model, chat.settings.format !== "text"));
    const answer = chat.turns.at(-1) as Answer; // the one that is watched
    chat.updatedAt = Date.now();
    this.stopper = new AbortController();
    this.asking = true;
    const timer = setInterval(() => void this.save(), SAVED_EACH_MS);
    try {
      await this.save();
      await ask(answer, body, this.around.key(), this.stopper.signal);
    } finally {
      clearInterval(timer);
      this.asking = false;
      this.stopper = null;
    }
    chat.updatedAt = Date.now();
    this.around.say(
      answer.failure ? text.answer.failedSaid(answer.failure.message) : text.answer.finished(answer.model),
    );
    await this.save();
  }
}

/** The page was closed in the middle of an answer. */
function interrupted(answer: Answer): void {
  if (answer.state === "growing") answer.state = "stopped";
}
