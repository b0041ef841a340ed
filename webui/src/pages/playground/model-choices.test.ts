import { describe, expect, test } from "vitest";
import { choicesOf, firstChoice, listener, matching, unlisted, type Offered } from "./model-choices";

function model(id: string, more: Partial<Offered> = {}): Offered {
  return {
    id,
    capabilities: { chat_completion: true, inference: true },
    ready: false,
    lifecycle_status: "registered",
    context_length: 0,
    size_bytes: 0,
    quantization: "",
    nodes: ["barn"],
    ...more,
  };
}

const MODELS = [
  model("openai:gpt-5", { nodes: ["OpenAI"] }),
  model("upstairs", { nodes: ["Big server"] }),
  model("z-disk"),
  model("a-broken", { lifecycle_status: "error" }),
  model("y-loaded", { ready: true, nodes: ["barn", "shed"] }),
  model("coming", { lifecycle_status: "caching", download_progress: { percent: 12.5 } }),
  model("embeds", { capabilities: { chat_completion: false, inference: true } }),
  model("unknown", { capabilities: { chat_completion: false, inference: false }, nodes: ["Big server"] }),
];
const CHOICES = choicesOf(MODELS, new Set(["Big server"]));

test("by place, what is ready first; only what chats", () => {
  expect(CHOICES.map(({ id, place, state }) => [id, place, state])).toEqual([
    ["y-loaded", "cluster", "loaded"],
    ["z-disk", "cluster", "onDisk"],
    ["coming", "cluster", "coming"],
    ["a-broken", "cluster", "error"],
    ["unknown", "elsewhere", "elsewhere"],
    ["upstairs", "elsewhere", "elsewhere"],
    ["openai:gpt-5", "cloud", "cloud"],
  ]);
  expect(CHOICES[2]!.percent).toBe(12.5);
});

test("a model that machines have too is one of the cluster", () => {
  const [choice] = choicesOf([model("both", { nodes: ["Big server", "barn"] })], new Set(["Big server"]));
  expect(choice!.place).toBe("cluster");
});

test.each([
  ["", 7],
  ["y", 1],
  ["big server", 2],
  ["OPENAI gpt", 1],
  ["nothing", 0],
])("search: %s", (query, many) => {
  const shown = matching(CHOICES, query);
  expect(query === "y" ? shown.filter((each) => each.id.startsWith("y")) : shown).toHaveLength(many);
});

describe("what to begin with", () => {
  test("the one of before", () => expect(firstChoice(CHOICES, "upstairs")).toBe("upstairs"));
  test("else a loaded one", () => expect(firstChoice(CHOICES, "gone")).toBe("y-loaded"));
  test("else any that works", () => expect(firstChoice(CHOICES.slice(3), "")).toBe("unknown"));
  test("else nothing", () => expect(firstChoice([], "x")).toBe(""));
});

test("pictures and sound", () => {
  const seeing = { chat_completion: true, inference: true, image_understanding: true };
  const [choice] = choicesOf([model("qwen-omni", { capabilities: seeing })], new Set());
  expect([choice!.pictures, choice!.sound]).toEqual([true, true]);
  expect([unlisted("google:gemini-x").sound, unlisted("openai:gpt-4").sound]).toEqual([true, false]);
  expect(unlisted("x").pictures).toBeNull();
});

test("who writes down what is said", () => {
  const hears = { speech_to_text: true };
  expect(listener(MODELS)).toBeNull();
  const all = [model("w1", { capabilities: hears }), model("w2", { capabilities: hears, ready: true })];
  expect(listener(all)).toBe("w2");
});
