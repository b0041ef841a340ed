import { describe, expect, it } from "vitest";
import type { Schema } from "../../api/client";
import type { Machine } from "../machines/machine";
import { elsewhereOf } from "./elsewhere";
import { noticesOf, recordingOf, type Facts } from "./notices";
import { perMinute } from "./per-minute";
import { snippetsOf } from "./snippets";
import { successRate } from "./success";

const WELL: Facts = {
  recording: { paused: false, reason: null },
  machines: [],
  endpoints: [],
  models: [],
  warnings: [],
  served: 3,
};

function machine(more: object): Machine {
  return { id: "a", name: "barn", online: true, node: null, runtime: null, ...more } as Machine;
}

function endpoint(status: string, last_error: string | null = null): Schema<"Endpoint"> {
  return { id: "e", name: "upstairs", status, last_error } as Schema<"Endpoint">;
}

describe("what should be looked at", () => {
  it("is nothing while all is well", () => {
    expect(noticesOf({ ...WELL, machines: [machine({})], endpoints: [endpoint("online")] })).toEqual([]);
    expect(noticesOf({ ...WELL, recording: null, served: null })).toEqual([]);
  });

  it.each<[Partial<Facts>, string, string]>([
    [{ recording: { paused: true, reason: "disk full" } }, "Requests are not being recorded", "disk full"],
    [{ machines: [machine({ online: false })] }, "barn is offline", "remove it"],
    [{ machines: [machine({ node: { needs_update: true } })] }, "barn needs an update", "updated"],
    [{ endpoints: [endpoint("error", "refused")] }, "The server upstairs does not answer", "Refused."],
    [{ models: [{ name: "m", lifecycle: "error", error: "cut off" }] }, "m can't be loaded", "cut off"],
    [{ warnings: ["the clock of barn is wrong"] }, "The cluster", "The clock of barn is wrong."],
    [{ served: 0 }, "There is no model yet", "hub"],
  ])("%o", (facts, title, hint) => {
    const found = noticesOf({ ...WELL, ...facts });
    expect(found.map((each) => each.title)).toEqual([title]);
    expect(found[0]?.hint).toContain(hint);
  });
});

it("clouds are shown where their key is set", () => {
  const found = elsewhereOf([endpoint("offline")], [], {
    openai_key_present: true,
    google_key_present: false,
  });
  expect(found.map((each) => [each.name, each.tone])).toEqual([
    ["upstairs", "bad"],
    ["OpenAI", "ok"],
  ]);
});

it("every snippet has address and key, and none is left with a gap", () => {
  const choice = { origin: "http://corral.local:32768", key: "sk_abc", model: "smollm2" };
  for (const { id, code } of snippetsOf(choice)) {
    expect(code, id).toContain(choice.origin);
    expect(code, id).toContain(choice.key);
    expect(code, id).not.toMatch(/undefined|null|\[object/);
  }
});

it("Anthropic's and Ollama's clients get the address without /v1", () => {
  const made = snippetsOf({ origin: "http://a:1", key: "k", model: "m" });
  for (const id of ["claude", "ollama"])
    expect(made.find((each) => each.id === id)?.code).not.toContain("/v1");
});

it("the success rate leaves out what was refused or cancelled", () => {
  const counts = { ok: 8, refused: 7, failed: 2, cancelled: 40 } as Schema<"Recent">;
  expect(successRate(counts)).toBe(0.8);
  expect(successRate({ ...counts, ok: 0, failed: 0 })).toBeNull();
});

it("a quiet hour is no chart", () => {
  const minute = (success: number, error: number) => ({ minute: "2026-11-25T18:00:00Z", success, error });
  expect(perMinute([minute(0, 0), minute(0, 0)]).times).toEqual([]);
  expect(perMinute([minute(2, 1)]).series.map((each) => each.values)).toEqual([[3], [1]]);
});

it("whether requests are recorded is what the node says of it", () => {
  const node = { status: "ok", recording: "ok" } as Schema<"Health">;
  expect(recordingOf(null)).toBeNull();
  expect(recordingOf(node)).toEqual({ paused: false, reason: null });
  const full = { ...node, recording: "paused", recording_reason: "the disk is full" } as Schema<"Health">;
  expect(recordingOf(full)).toEqual({ paused: true, reason: "the disk is full" });
});
