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
