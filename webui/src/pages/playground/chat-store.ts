import { summaryOf, type Chat, type Summary } from "./chat";

const VERSION = 1;

/** The chats of one user, kept by this browser. */
export class ChatStore {
  private constructor(
    private readonly database: IDBDatabase | null,
    private readonly memory: Map<string, Chat>,
  ) {}

  /** Where the browser keeps nothing (private windows of some), chats last as long as the page. */
  static async open(user: string): Promise<ChatStore> {
    try {
      return new ChatStore(await opened(`corral-playground-${user}`), new Map());
    } catch {
      return new ChatStore(null, new Map());
    }
  }

  get lasting(): boolean {
    return this.database !== null;
  }

  async list(): Promise<Summary[]> {
    if (this.database === null) return [...this.memory.values()].map(summaryOf);
    return done(this.store("summaries", "readonly").getAll() as IDBRequest<Summary[]>);
  }

  async load(id: string): Promise<Chat | null> {
    if (this.database === null) return this.memory.get(id) ?? null;
    return (await done(this.store("chats", "readonly").get(id) as IDBRequest<Chat | undefined>)) ?? null;
  }

  /** Everything, for an export. */
  async all(): Promise<Chat[]> {
    if (this.database === null) return [...this.memory.values()];
    return done(this.store("chats", "readonly").getAll() as IDBRequest<Chat[]>);
  }

  /** Rejects with the browser's error, for one where the disk is full. */
  async save(chat: Chat): Promise<void> {
    if (this.database === null) {
      this.memory.set(chat.id, chat);
      return;
    }
    const transaction = this.database.transaction(["chats", "summaries"], "readwrite");
    transaction.objectStore("chats").put(chat);
    transaction.objectStore("summaries").put(summaryOf(chat));
    await completed(transaction);
  }

  async remove(id: string): Promise<void> {
    this.memory.delete(id);
    if (this.database === null) return;
    const transaction = this.database.transaction(["chats", "summaries"], "readwrite");
    transaction.objectStore("chats").delete(id);
    transaction.objectStore("summaries").delete(id);
    await completed(transaction);
  }

  close(): void {
    this.database?.close();
  }

  private store(name: string, mode: IDBTransactionMode): IDBObjectStore {
    return this.database!.transaction(name, mode).objectStore(name);
  }
}

function opened(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, VERSION);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("chats", { keyPath: "id" });
    request.result.createObjectStore("summaries", { keyPath: "id" });
  };
  return done(request);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB"));
  });
}

function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB"));
  });
}
