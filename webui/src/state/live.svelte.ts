import { api } from "../api/client";
import type { ServerEvent } from "../api/client";
import { ApiError } from "../api/error";
import { backoffMs } from "./backoff";
import { after, NOTHING_YET, type LiveState } from "./live-types";

const SILENCE_MS = 30_000; // the node says something every 10 s
const HIDDEN_MS = 5_000; // browsers allow six connections: a page that nobody sees gives its own back

type Callback = (data: unknown) => void;

/** What happens on the node and in the cluster, from one stream of /v0/events for all pages. */
class Live {
  connection = $state<"connecting" | "live" | "reconnecting" | "moved">("connecting");
  private state = $state.raw<LiveState>(NOTHING_YET);
  private callbacks = new Map<string, Set<Callback>>();
  private lastId: string | null = null;
  private attempt = 0;
  private stream: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    document.addEventListener("visibilitychange", () => this.visibilityChanged());
    addEventListener("online", () => this.hurry());
  }

  get node() {
    return this.state.node;
  }
  get models() {
    return this.state.models;
  }
  get endpoints() {
    return this.state.endpoints;
  }
  get load() {
    return this.state.load;
  }
  get downloads() {
    return this.state.downloads;
  }
  get cluster() {
    return this.state.cluster;
  }
  get joining() {
    return this.state.joining;
  }

  /** Call `callback` with the data of each event of a kind ("request", "machine", …); returns what ends that. */
  on(kind: string, callback: Callback): () => void {
    const set = this.callbacks.get(kind) ?? new Set();
    this.callbacks.set(kind, set.add(callback));
    return () => set.delete(callback);
  }

  /** Begin to watch; again after `stop`. */
  start(): void {
    if (this.stream === null) void this.watch();
  }

  /** Watch no more, and forget what was seen. */
  stop(): void {
    this.pause();
    this.lastId = null;
    this.state = NOTHING_YET;
    this.connection = "connecting";
  }

  /** Connect now instead of at the end of a wait. */
  hurry(): void {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    void this.watch();
  }

  private pause(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.stream?.abort();
    this.stream = null;
  }

  private async watch(): Promise<void> {
    this.timer = undefined;
    const stream = (this.stream = new AbortController());
    const headers: Record<string, string> = this.lastId === null ? {} : { "last-event-id": this.lastId };
    try {
      this.heard(stream);
      for await (const event of api.stream("/v0/events", undefined, { signal: stream.signal, headers })) {
        this.heard(stream);
        this.take(event);
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return this.stop();
    } finally {
      clearTimeout(this.silence);
    }
    if (this.stream === stream) this.again();
  }

  private again(): void {
    if (this.connection !== "moved") this.connection = "reconnecting";
    this.attempt += 1;
    this.timer = setTimeout(() => void this.watch(), backoffMs(this.attempt, Math.random()));
  }

  /** The stream says something; one that has fallen silent is cut, as after a laptop's sleep. */
  private heard(stream: AbortController): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => stream.abort(), SILENCE_MS);
  }

  private take({ kind, data, id }: ServerEvent): void {
    this.connection = "live";
    this.attempt = 0;
    if (id !== null) this.lastId = id;
    if (kind === "reload") this.lastId = null;
    if (kind === "end") this.connection = "moved";
    const told: unknown = JSON.parse(data);
    this.state = after(this.state, kind, told);
    for (const callback of this.callbacks.get(kind) ?? []) callback(told);
  }

  private visibilityChanged(): void {
    if (!document.hidden && this.connection !== "live") this.hurry();
  }
}

export const live = new Live();
void HIDDEN_MS;
