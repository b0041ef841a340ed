import { ApiError, api } from "../api/client";
import { after, NOTHING_YET, type LiveState } from "./live-types";
import { Watching, type Connection } from "./watching";

type Callback = (data: unknown) => void;

/** What happens on the node and in the cluster, from one stream of /v0/events for all pages. */
class Live {
  connection = $state<Connection>("connecting");
  private state = $state.raw<LiveState>(NOTHING_YET);
  private callbacks = new Map<string, Set<Callback>>();
  private watching = new Watching(
    (headers, signal) => api.stream("/v0/events", undefined, { headers, signal }),
    {
      event: ({ kind, data }) => this.take(kind, JSON.parse(data)),
      connection: (connection) => (this.connection = connection),
      isFinal: (error) => error instanceof ApiError && error.status === 401,
    },
  );

  constructor() {
    addEventListener("online", () => this.watching.hurry());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.watching.hidden();
      else this.watching.seen(Date.now());
    });
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
  /** For administrators; empty else. */
  get places() {
    return this.state.places;
  }
  /** For administrators; null else. */
  get cluster() {
    return this.state.cluster;
  }
  get joining() {
    return this.state.joining;
  }
  get machines() {
    return this.state.machines;
  }

  /** Call `callback` with the data of each event of a kind ("request", "machine", …); returns what ends that. */
  on(kind: string, callback: Callback): () => void {
    const set = this.callbacks.get(kind) ?? new Set();
    this.callbacks.set(kind, set.add(callback));
    return () => set.delete(callback);
  }

  /** Begin to watch; nothing happens if it watches already. */
  start(): void {
    this.watching.start();
  }

  /** Watch no more; what was seen stays. */
  stop(): void {
    this.watching.stop();
  }

  /** Watch no more, and forget what was seen. */
  forget(): void {
    this.stop();
    this.state = NOTHING_YET;
    this.connection = "connecting";
  }

  /** Connect now instead of at the end of a wait. */
  hurry(): void {
    this.watching.hurry();
  }

  private take(kind: string, data: unknown): void {
    this.state = after(this.state, kind, data);
    for (const callback of this.callbacks.get(kind) ?? []) callback(data);
  }
}

export const live = new Live();
