import { describe, expect, test } from "vitest";
import {
  emptyAnswer,
  found,
  newChat,
  PLAIN_SETTINGS,
  question,
  summaryOf,
  titleOf,
  waitsForResults,
} from "./chat";

function chatOf(words: string, updatedAt = 0) {
  const chat = newChat("m", PLAIN_SETTINGS, 0);
  chat.turns.push(question(words, []));
  return { ...chat, title: titleOf(chat.turns), updatedAt };
}

describe("titles", () => {
  test.each([
    ["What is a token?", "What is a token?"],
    ["  first line\nsecond", "first line"],
    ["word ".repeat(30), `${"word ".repeat(11)}word…`],
    ["", ""],
  ])("%s", (words, title) => expect(chatOf(words).title).toBe(title));

  test("a picture alone", () => {
    expect(titleOf([question("", [{ kind: "image", name: "cat.png", url: "data:," }])])).toBe("cat.png");
  });
});

test("the search finds all words, newest first", () => {
  const all = [chatOf("Red sheep", 1), chatOf("a red dog", 3), chatOf("blue", 2)].map(summaryOf);
  const titles = (query: string) => found(all, query).map((each) => each.title);
  expect(titles("")).toEqual(["a red dog", "blue", "Red sheep"]);
  expect(titles("RED")).toEqual(["a red dog", "Red sheep"]);
  expect(titles("sheep red")).toEqual(["Red sheep"]);
  expect(titles("green")).toEqual([]);
});

test("answers are searched too", () => {
  const chat = chatOf("hello");
  chat.turns.push({ ...emptyAnswer("m", false), text: "Wool" });
  expect(found([summaryOf(chat)], "wool")).toHaveLength(1);
});

test("ids are all different", () => {
  expect(new Set(Array.from({ length: 100 }, () => question("", []).id)).size).toBe(100);
});

test("who waits for results", () => {
  const call = { id: "c", name: "f", args: "{}", result: null };
  const answer = { ...emptyAnswer("m", false), state: "done" as const, calls: [call] };
  expect(waitsForResults(answer)).toBe(true);
  expect(waitsForResults({ ...answer, calls: [{ ...call, result: "" }] })).toBe(false);
  expect(waitsForResults({ ...answer, state: "growing" })).toBe(false);
  expect(waitsForResults(question("", []))).toBe(false);
  expect(waitsForResults(undefined)).toBe(false);
});
