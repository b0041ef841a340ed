import type { ServerEvent } from "../api/sse";
import { backoffMs } from "./backoff";

/** Whether what is shown is how things are: "moved" means that the router stopped or is changing, as it said itself. */
export type Connection = "connecting" | "live" | "reconnecting" | "moved";

/** Begins a stream of events; throws when there is none to be had. */
export type Open = (headers: Record<string, string>, signal: AbortSignal) => AsyncIterable<ServerEvent>;

export interface Watcher {
  /** Something happened. */
  event: (event: ServerEvent) => void;
  connection: (connection: Connection) => void;
  /** An error after which it makes no sense to try again: nobody is signed in any more. */
  isFinal: (error: unknown) => boolean;
}

export const SILENCE_MS = 30_000; // the node says something every 10 s
export const HIDDEN_MS = 5_000; // browsers allow six connections: a page that nobody sees gives its own back
const MOVING_TRIES = 4; // that long a router may take to move before it counts as lost

/** Keeps a stream of events open: begins it anew where it broke off, until `stop`. */
export class Watching {
  private lastId: string | null = null;
  private attempt = 0;
  private lastHeardAt = 0;
  private state: Connection = "connecting";
  private stream: AbortController | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private hiding: ReturnType<typeof setTimeout> | undefined;
  private running = false;

  constructor(
    private readonly open: Open,
    private readonly watcher: Watcher,
  ) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    this.become("connecting");
    void this.watch();
  }

  /** Watch no more; the next start begins anew. */
  stop(): void {
    this.running = false;
    this.close();
    clearTimeout(this.hiding);
    this.lastId = null;
    this.attempt = 0;
  }

  /** Connect now instead of at the end of a wait. */
  hurry(): void {
    if (!this.running || this.stream !== null) return;
    clearTimeout(this.retry);
    void this.watch();
  }

  /** The page can't be seen any more: after a while it gives its connection back. */
  hidden(): void {
    clearTimeout(this.hiding);
    this.hiding = setTimeout(() => this.close(), HIDDEN_MS);
  }

  /** The page is seen again, maybe after the machine slept: then the connection only looks alive. */
  seen(now: number): void {
    clearTimeout(this.hiding);
    if (this.stream !== null && now - this.lastHeardAt > SILENCE_MS) this.close();
    this.hurry();
  }

  private async watch(): Promise<void> {
    const stream = new AbortController();
    this.stream = stream;
    let again = true;
    try {
      this.heard(stream);
      const headers: Record<string, string> = this.lastId === null ? {} : { "last-event-id": this.lastId };
      for await (const event of this.open(headers, stream.signal)) {
        if (this.stream !== stream) return;
        this.heard(stream);
        this.take(event);
      }
    } catch (error) {
      again = !this.watcher.isFinal(error);
    }
    if (this.stream !== stream) return;
    clearTimeout(this.silence);
    this.stream = null;
    if (again) this.tryLater();
    else this.stop();
  }

  private take(event: ServerEvent): void {
    if (event.id !== null) this.lastId = event.id;
    if (event.kind === "reload") this.lastId = null;
    if (event.kind === "reload") return;
    this.attempt = 0;
    this.become(event.kind === "end" ? "moved" : "live");
    this.watcher.event(event);
  }

  private tryLater(): void {
    this.attempt += 1;
    if (this.state !== "moved" || this.attempt > MOVING_TRIES) this.become("reconnecting");
    this.retry = setTimeout(() => void this.watch(), backoffMs(this.attempt, Math.random()));
  }

  private heard(stream: AbortController): void {
    this.lastHeardAt = Date.now();
    clearTimeout(this.silence);
    this.silence = setTimeout(() => stream.abort(), SILENCE_MS);
  }

  private close(): void {
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    const stream = this.stream;
    this.stream = null;
    stream?.abort();
  }

  private become(connection: Connection): void {
    this.state = connection;
    this.watcher.connection(connection);
  }
}
