import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ServerEvent } from "../api/sse";
import { HIDDEN_MS, SILENCE_MS, Watching, type Connection } from "./watching";

/** A node that tells what the test wants, one stream after the other. */
class Told {
  readonly asked: Record<string, string>[] = [];
  readonly connections: Connection[] = [];
  readonly events: string[] = [];
  refusal: unknown = null;
  private end: (() => void) | null = null;
  private wake: (() => void) | null = null;
  private queue: ServerEvent[] = [];
  readonly watching = new Watching((headers, signal) => this.open(headers, signal), {
    event: ({ kind }) => this.events.push(kind),
    connection: (connection) => this.connections.push(connection),
    isFinal: (error) => error === "signed out",
  });

  get isOpen(): boolean {
    return this.end !== null;
  }

  say(kind: string, id: string | null = null): Promise<unknown> {
    this.queue.push({ kind, data: "{}", id });
    this.wake?.();
    return vi.advanceTimersByTimeAsync(0);
  }

  breakOff(): Promise<unknown> {
    this.end?.();
    return vi.advanceTimersByTimeAsync(0);
  }

  private async *open(headers: Record<string, string>, signal: AbortSignal): AsyncGenerator<ServerEvent> {
    this.asked.push(headers);
    if (this.refusal !== null) throw this.refusal;
    let over = false;
    this.end = () => {
      over = true;
      this.wake?.();
    };
    signal.addEventListener("abort", this.end);
    try {
      while (!over) {
        const next = this.queue.shift();
        if (next) yield next;
        else await new Promise<void>((resolve) => (this.wake = resolve));
      }
    } finally {
      this.end = null;
    }
  }
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it("is live from the first event on", async () => {
  const told = new Told();
  told.watching.start();
  await told.say("snapshot");
  expect(told.connections).toEqual(["connecting", "live"]);
  expect(told.events).toEqual(["snapshot"]);
});

it("comes back after a break and goes on where it was", async () => {
  const told = new Told();
  told.watching.start();
  await told.say("load", "a-7");
  await told.breakOff();
  expect(told.connections.at(-1)).toBe("reconnecting");
  await vi.advanceTimersByTimeAsync(500);
  expect(told.asked).toEqual([{}, { "last-event-id": "a-7" }]);
  await told.say("load", "a-8");
  expect(told.connections.at(-1)).toBe("live");
});

it("begins anew when the node says so", async () => {
  const told = new Told();
  told.watching.start();
  await told.say("load", "a-7");
  await told.say("reload", "a-9");
  await told.breakOff();
  await vi.advanceTimersByTimeAsync(500);
  expect(told.asked.at(-1)).toEqual({});
});

it("waits longer from try to try, until it is hurried", async () => {
  const told = new Told();
  told.refusal = new Error("nobody there");
  told.watching.start();
  await vi.advanceTimersByTimeAsync(10_000);
  const tries = told.asked.length;
  expect(tries).toBeGreaterThan(3);
  expect(tries).toBeLessThan(9);
  told.refusal = null;
  told.watching.hurry();
  await told.say("snapshot");
  expect(told.connections.at(-1)).toBe("live");
});

it("says calmly that the router changes, and later that the connection is lost", async () => {
  const told = new Told();
  told.watching.start();
  await told.say("end");
  await told.breakOff();
  expect(told.connections.at(-1)).toBe("moved");
  told.refusal = new Error("nobody there");
  await vi.advanceTimersByTimeAsync(30_000);
  expect(told.connections.at(-1)).toBe("reconnecting");
});

it("stops where nobody is signed in any more, and starts again", async () => {
  const told = new Told();
  told.refusal = "signed out";
  told.watching.start();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told.asked).toHaveLength(1);
  told.refusal = null;
  told.watching.start();
  await told.say("snapshot");
  expect(told.connections.at(-1)).toBe("live");
});

it("cuts a stream that has fallen silent", async () => {
  const told = new Told();
  told.watching.start();
  await told.say("snapshot");
  await vi.advanceTimersByTimeAsync(SILENCE_MS + 500);
  expect(told.asked).toHaveLength(2);
});

it("gives its connection back while nobody sees the page", async () => {
  const told = new Told();
  told.watching.start();
  await told.say("load", "a-1");
  told.watching.hidden();
  await vi.advanceTimersByTimeAsync(HIDDEN_MS + 60_000);
  expect([told.isOpen, told.asked.length, told.connections.at(-1)]).toEqual([false, 1, "live"]);
  told.watching.seen(Date.now());
  await told.say("load", "a-2");
  expect(told.asked.at(-1)).toEqual({ "last-event-id": "a-1" });
});

it("keeps it when the page is seen again at once", async () => {
  const told = new Told();
  told.watching.start();
  await told.say("load", "a-1");
  told.watching.hidden();
  told.watching.seen(Date.now());
  await vi.advanceTimersByTimeAsync(HIDDEN_MS);
  expect([told.isOpen, told.asked.length]).toEqual([true, 1]);
});

it("does not trust a connection from before a sleep", async () => {
  const told = new Told();
  told.watching.start();
  await told.say("load", "a-1");
  told.watching.seen(Date.now() + SILENCE_MS + 1);
  await vi.advanceTimersByTimeAsync(0);
  expect(told.asked).toHaveLength(2);
});

it("watches no more after stop", async () => {
  const told = new Told();
  told.watching.start();
  await told.say("load", "a-1");
  told.watching.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([told.isOpen, told.asked.length]).toEqual([false, 1]);
});
