import { expect, test } from "vitest";
import { EventParser, eventsOf } from "./sse";

test("events in pieces, with their kind and id", () => {
  const parser = new EventParser();
  expect(parser.push("event: a\nid: 1\ndata: x")).toEqual([]);
  expect(parser.push("\ndata: y\n\ndata:z\n\n")).toEqual([
    { kind: "a", data: "x\ny", id: "1" },
    { kind: "message", data: "z", id: null },
  ]);
  expect(parser.push("data: a\r\n\r\n\n\n")).toEqual([{ kind: "message", data: "a", id: null }]);
});

test("comments are told", () => {
  const said: string[] = [];
  const parser = new EventParser((comment) => said.push(comment));
  expect(parser.push(": continued on barn\n\n:\n\ndata: x\n\n")).toHaveLength(1);
  expect(said).toEqual(["continued on barn", ""]);
});

test("an answer, cut inside a letter", async () => {
  const bytes = new TextEncoder().encode("data: ä\n\ndata: [DONE]\n\n");
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(bytes.slice(0, 7));
      controller.enqueue(bytes.slice(7));
      controller.close();
    },
  });
  const data = [];
  for await (const event of eventsOf(new Response(body))) data.push(event.data);
  expect(data).toEqual(["ä", "[DONE]"]);
});

test("the same events however the text is cut", () => {
  const text =
    "retry: 9\n\nid: a-1\nevent: load\ndata: {}\n\n: ping\r\n\r\ndata: one\r\ndata: two\r\n\r\ndata: cut";
  for (let size = 1; size <= text.length; size += 1) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < text.length; at += size) found.push(...parser.push(text.slice(at, at + size)));
    expect(found).toEqual([
      { kind: "load", data: "{}", id: "a-1" },
      { kind: "message", data: "one\ntwo", id: null },
    ]);
  }
});
