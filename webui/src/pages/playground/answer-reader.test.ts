import { describe, expect, test } from "vitest";
import { AnswerReader, rateOf } from "./answer-reader";
import { emptyAnswer } from "./chat";

function reading() {
  const answer = emptyAnswer("m", false);
  return { answer, reader: new AnswerReader(answer, 1000) };
}

function chunk(delta: object, finish: string | null = null): string {
  return JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] });
}

test("words, reasoning, tokens and times", () => {
  const { answer, reader } = reading();
  reader.began(new Headers({ "x-corral-node": "barn", "x-queue-wait-ms": "120" }));
  reader.take(chunk({ role: "assistant", content: "" }), 1100);
  expect(answer.facts.firstTokenMs).toBeNull();
  reader.take(chunk({ reasoning_content: "hm" }), 1200);
  reader.take(chunk({ content: "Hel" }), 1300);
  reader.take(chunk({ content: "lo" }), 1400);
  reader.take(chunk({}, "stop"), 1500);
  reader.take(JSON.stringify({ choices: [], usage: { prompt_tokens: 7, completion_tokens: 9 } }), 1500);
  reader.take("[DONE]", 1500);
  reader.end(2200, "broke");
  expect(answer).toMatchObject({ text: "Hello", reasoning: "hm", state: "done", failure: null });
  expect(answer.facts).toEqual({
    node: "barn",
    queuedMs: 120,
    firstTokenMs: 200,
    totalMs: 1200,
    promptTokens: 7,
    completionTokens: 9,
    finish: "stop",
    continuedOn: [],
  });
  expect(rateOf(answer)).toBe(8);
});

test("calls come in pieces", () => {
  const { answer, reader } = reading();
  const piece = (index: number, more: object) => reader.take(chunk({ tool_calls: [{ index, ...more }] }), 1);
  piece(0, { id: "a", function: { name: "f", arguments: '{"x"' } });
  piece(1, { id: "b", function: { name: "g", arguments: "{}" } });
  piece(0, { function: { arguments: ":1}" } });
  reader.take(chunk({}, "tool_calls"), 2);
  reader.end(2, "broke");
  expect(answer.calls).toEqual([
    { id: "a", name: "f", args: '{"x":1}', result: null },
    { id: "b", name: "g", args: "{}", result: null },
  ]);
});

test("who went on", () => {
  const { answer, reader } = reading();
  reader.heard(" continued on the big one");
  reader.heard("keep-alive");
  expect(answer.facts.continuedOn).toEqual(["the big one"]);
});

describe("what goes wrong", () => {
  test("an error in the stream keeps the words", () => {
    const { answer, reader } = reading();
    reader.take(chunk({ content: "Half" }), 1);
    reader.take('{"error":{"message":"the endpoint failed","code":"endpoint_failed"}}', 2);
    reader.take("[DONE]", 3);
    reader.end(3, "broke");
    expect(answer).toMatchObject({
      text: "Half",
      state: "failed",
      failure: { message: "the endpoint failed", code: "endpoint_failed" },
    });
  });

  test("a stream that ends too early", () => {
    const { answer, reader } = reading();
    reader.take(chunk({ content: "Half" }), 1);
    reader.end(2, "it broke");
    expect(answer).toMatchObject({ state: "failed", failure: { message: "it broke", code: "broken" } });
  });

  test("stopped: a call that has begun is none", () => {
    const { answer, reader } = reading();
    reader.take(chunk({ tool_calls: [{ index: 0, id: "a", function: { name: "f", arguments: "{" } }] }), 1);
    reader.stop(2);
    expect(answer).toMatchObject({ state: "stopped", calls: [], failure: null });
  });
});

test("a rate needs two tokens and some time", () => {
  const { answer } = reading();
  expect(rateOf(answer)).toBeNull();
  Object.assign(answer.facts, { completionTokens: 1, firstTokenMs: 5, totalMs: 10 });
  expect(rateOf(answer)).toBeNull();
  Object.assign(answer.facts, { completionTokens: 5, firstTokenMs: 10, totalMs: 10 });
  expect(rateOf(answer)).toBeNull();
});
