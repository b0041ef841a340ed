import { describe, expect, test } from "vitest";
import { emptyAnswer, newChat, PLAIN_SETTINGS, question } from "./chat";
import { exported, imported } from "./chat-file";

const NOW = 5;

function chat() {
  const made = newChat("m", { ...PLAIN_SETTINGS, system: "s", format: "json", useTools: true }, 1);
  const picture = { kind: "image", name: "a", url: "data:image/png;base64,AA==" } as const;
  const call = { id: "c", name: "f", args: "{}", result: null };
  const answer = { ...emptyAnswer("m", true), state: "done" as const, text: "t", calls: [call] };
  answer.facts.node = "barn";
  return { ...made, title: "T", named: true, turns: [question("q", [picture]), answer] };
}

test("what is exported comes in again, as a chat of its own", () => {
  const before = chat();
  const [after] = imported(exported([before]), NOW);
  expect(after!.id).not.toBe(before.id);
  const withoutIds = (given: typeof before) => ({
    ...given,
    id: "",
    turns: given.turns.map((turn) => ({ ...turn, id: "" })),
  });
  expect(withoutIds(after as typeof before)).toEqual(withoutIds(before));
});

describe("what anybody may have written", () => {
  test.each([
    ["no JSON", "nonsense", "not JSON"],
    ["something else", "[1]", "no chats"],
    ["a newer file", '{"kind":"corral.chats","version":2,"chats":[]}', "newer"],
  ])("%s", (_, source, said) => expect(() => imported(source, NOW)).toThrow(said));

  test("values of another kind are forgotten", () => {
    const turns = [
      { role: "user", text: 1, attachments: [{ kind: "image", url: "https://evil.example/x.png" }, 2] },
      { role: "assistant", calls: "x", facts: [], state: "growing" },
      { role: "system" },
      null,
    ];
    const source = JSON.stringify({ kind: "corral.chats", version: 1, chats: [{ turns }, null] });
    const [first, second] = imported(source, NOW);
    expect(first!.turns.map((turn) => turn.role)).toEqual(["user", "assistant"]);
    expect(first!.turns[0]).toMatchObject({ text: "", attachments: [] });
    expect(first!.turns[1]).toMatchObject({ calls: [], state: "stopped" });
    expect(second).toMatchObject({ turns: [], settings: PLAIN_SETTINGS, createdAt: NOW });
  });
});
