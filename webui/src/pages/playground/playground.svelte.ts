import { api, type Schema } from "../../api/client";
import { live } from "../../state/live.svelte";
import { resource } from "../../state/resource.svelte";
import { toast } from "../../state/toasts.svelte";
import { text } from "../../text/playground";
import { exported, imported } from "./chat-file";
import { newChat, PLAIN_SETTINGS, summaryOf, type Chat, type Summary } from "./chat";
import { ChatStore } from "./chat-store";
import { Drafts } from "./drafts";
import { choicesOf, firstChoice, listener, unlisted, type Choice } from "./model-choices";
import { OpenChat } from "./open-chat.svelte";

const MODEL = "corral.playground.model";

/** Chats, models and drafts of one user. */
export class Playground {
  summaries = $state.raw<Summary[]>([]);
  loading = $state(true);
  lasting = $state(true);
  current = $state.raw<OpenChat | null>(null);
  /** The chat that was asked for is not in this browser. */
  missing = $state(false);
  /** An API key to ask with instead of the session. */
  key = $state("");
  said = $state("");
  readonly drafts: Drafts;
  readonly models = resource(() => api.get("/v1/models"));
  readonly choices = $derived(
    choicesOf(
      this.models.value?.data ?? [],
      new Set(live.endpoints.map((each: Schema<"Endpoint">) => each.name)),
    ),
  );
  readonly listener = $derived(listener(this.models.value?.data ?? []));
  private readonly opening: Promise<ChatStore>;
  private readonly opened = new Map<string, OpenChat>();
  private readonly removed = new Set<string>();
  private wanted: string | null = null;

  constructor(readonly user: string) {
    this.drafts = new Drafts(localStorage, user);
    this.opening = ChatStore.open(user);
    void this.begin();
  }

  /** What is known of a model, also of one that isn't listed. */
  choice(id: string): Choice {
    return this.choices.find((each) => each.id === id) ?? unlisted(id);
  }

  /** Show a chat, or with null a new one. */
  async show(id: string | null): Promise<void> {
    if (id !== null && id === this.current?.chat.id) return;
    this.wanted = id;
    this.missing = false;
    if (id === null) {
      if (this.current?.chat.turns.length === 0) return; // it may have settings already
      this.current = this.open(newChat(this.rememberedModel(), PLAIN_SETTINGS, Date.now()));
      return;
    }
    const known = this.opened.get(id);
    if (known !== undefined) {
      this.current = known;
      return;
    }
    const chat = await (await this.opening).load(id);
    if (this.wanted !== id) return;
    this.missing = chat === null;
    this.current = chat === null ? null : this.open(chat);
  }

  /** A new chat with this model. */
  startWith(model: string): void {
    void this.show(null);
    this.choose(model);
  }

  /** Use another model in the shown chat, and in new ones. */
  choose(model: string): void {
    localStorage.setItem(MODEL, model);
    if (this.current === null) return;
    this.current.chat.model = model;
    void this.keep();
  }

  /** The shown chat once more into the browser's store, if it is there. */
  async keep(): Promise<void> {
    if (this.current !== null && this.current.chat.turns.length > 0) await this.current.save();
  }

  async rename(id: string, title: string): Promise<void> {
    const open = this.opened.get(id);
    const chat = open?.chat ?? (await (await this.opening).load(id));
    if (!chat) return;
    chat.title = title;
    chat.named = true;
    await (open ? open.save() : this.save(chat));
  }

  async remove(ids: readonly string[]): Promise<void> {
    const store = await this.opening;
    for (const id of ids) {
      this.removed.add(id);
      this.opened.get(id)?.stop();
      this.opened.delete(id);
      this.drafts.forget(id);
      await store.remove(id);
    }
    this.summaries = this.summaries.filter((each) => !ids.includes(each.id));
  }

  /** A file with one chat, or with all. */
  async export(id: string | null): Promise<string> {
    const store = await this.opening;
    const chats = id === null ? await store.all() : [await store.load(id)];
    return exported(chats.filter((chat) => chat !== null));
  }

  /** The chats of such a file. Throws an Error for people. */
  async import(source: string): Promise<void> {
    const chats = imported(source, Date.now());
    for (const chat of chats) await this.save(chat);
    toast.ok(text.chats.imported(chats.length));
  }

  /** Take in a chat that began elsewhere, as in the history. */
  adopt(chat: Chat): Promise<void> {
    return this.save(chat);
  }

  /** Whether an answer is being written in a chat. */
  isAsking(id: string): boolean {
    return this.opened.get(id)?.asking ?? false;
  }

  /** End all answers; another user signed in. */
  close(): void {
    for (const open of this.opened.values()) open.stop();
    void this.opening.then((store) => store.close());
  }

  private async begin(): Promise<void> {
    const store = await this.opening;
    this.lasting = store.lasting;
    this.summaries = await store.list();
    this.loading = false;
  }

  /** Give a chat that began before the models were known the one to begin with. */
  chooseFirst(): void {
    if (this.current !== null && !this.current.chat.model) this.current.chat.model = this.rememberedModel();
  }

  private rememberedModel(): string {
    return firstChoice(this.choices, localStorage.getItem(MODEL) ?? "");
  }

  private open(chat: Chat): OpenChat {
    const open = new OpenChat(chat, {
      save: (saved) => this.save(saved),
      say: (words) => (this.said = words),
      key: () => this.key.trim(),
      sees: (model) => this.choice(model).pictures !== false,
    });
    this.opened.set(chat.id, open);
    return open;
  }

  private async save(chat: Chat): Promise<void> {
    if (this.removed.has(chat.id)) return;
    const others = this.summaries.filter((each) => each.id !== chat.id);
    this.summaries = [summaryOf(chat), ...others];
    try {
      await (await this.opening).save(chat);
    } catch (error) {
      toast.error(new Error(text.chats.notSaved(error instanceof Error ? error.message : String(error))));
    }
  }
}

let kept: Playground | null = null;

/** The user's; it outlives the page, so that answers go on while other pages are read. */
export function playgroundOf(user: string): Playground {
  if (kept?.user !== user) {
    kept?.close();
    kept = new Playground(user);
  }
  return kept;
}
