/** What was typed and not sent yet, by chat; "new" is a chat that isn't there yet. */
export class Drafts {
  constructor(
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem">,
    private readonly user: string,
  ) {}

  of(chat: string): string {
    return this.storage.getItem(this.name(chat)) ?? "";
  }

  /** An empty one is forgotten. Where the browser keeps nothing more, nothing is kept. */
  keep(chat: string, words: string): void {
    try {
      if (words === "") this.storage.removeItem(this.name(chat));
      else this.storage.setItem(this.name(chat), words);
    } catch {
      return;
    }
  }

  forget(chat: string): void {
    this.storage.removeItem(this.name(chat));
  }

  private name(chat: string): string {
    return `corral.playground.draft.${this.user}.${chat}`;
  }
}
