/** What GET /v1/models says of a model, as far as the playground looks at it. */
export interface Offered {
  id: string;
  capabilities: Record<string, boolean>;
  ready: boolean;
  lifecycle_status: string;
  context_length: number;
  size_bytes: number;
  quantization: string;
  nodes: string[];
  download_progress?: Record<string, unknown> | null;
}

export type Place = "cluster" | "elsewhere" | "cloud";
export type Readiness = "loaded" | "onDisk" | "coming" | "cloud" | "elsewhere" | "error";

/** A model to choose. */
export interface Choice {
  id: string;
  place: Place;
  state: Readiness;
  /** While it comes. */
  percent: number | null;
  nodes: string[];
  /** null: nobody knows. */
  pictures: boolean | null;
  sound: boolean;
  contextLength: number;
  sizeBytes: number;
  quantization: string;
}

const CLOUD = /^(openai|google|anthropic|ahtnorpic):/;
const HEARS = /(^google:gemini)|(?<![a-z])(audio|omni|voxtral|ultravox)(?![a-z])/i;
const ORDER: readonly Place[] = ["cluster", "elsewhere", "cloud"];

/** The models that chat, in the order of the picker; `elsewhere`: names of servers that are not machines of the cluster. */
export function choicesOf(models: readonly Offered[], elsewhere: ReadonlySet<string>): Choice[] {
  return models
    .filter((model) => model.capabilities.chat_completion || !model.capabilities.inference)
    .map((model) => choiceOf(model, elsewhere))
    .sort((one, other) => {
      const place = ORDER.indexOf(one.place) - ORDER.indexOf(other.place);
      return place || rank(one) - rank(other) || one.id.localeCompare(other.id, "en", { numeric: true });
    });
}

/** A model that isn't listed: cloud models needn't be. */
export function unlisted(id: string): Choice {
  const place = CLOUD.test(id) ? "cloud" : "cluster";
  return {
    id,
    place,
    state: place === "cloud" ? "cloud" : "error",
    percent: null,
    nodes: [],
    pictures: null,
    sound: HEARS.test(id),
    contextLength: 0,
    sizeBytes: 0,
    quantization: "",
  };
}

/** Those whose name or machine has all words of `query`. */
export function matching(choices: readonly Choice[], query: string): Choice[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return choices.filter((choice) => {
    const said = [choice.id, ...choice.nodes].join(" ").toLowerCase();
    return words.every((word) => said.includes(word));
  });
}

/** What to begin with: the one of before if it is still there, else the first that is loaded, else the first. */
export function firstChoice(choices: readonly Choice[], remembered: string): string {
  const known = choices.find((choice) => choice.id === remembered);
  const usable = choices.filter((choice) => choice.state !== "error");
  return (known ?? usable.find((choice) => choice.state === "loaded") ?? usable[0] ?? choices[0])?.id ?? "";
}

/** A model that turns speech into text. */
export function listener(models: readonly Offered[]): string | null {
  const able = models.filter((model) => model.capabilities.speech_to_text);
  return (able.find((model) => model.ready) ?? able[0])?.id ?? null;
}

function choiceOf(model: Offered, elsewhere: ReadonlySet<string>): Choice {
  const away = model.nodes.length > 0 && model.nodes.every((node) => elsewhere.has(node));
  const place = CLOUD.test(model.id) ? "cloud" : away ? "elsewhere" : "cluster";
  const coming = model.lifecycle_status === "caching" || model.lifecycle_status === "pending";
  const done = model.download_progress?.percent;
  const percent = coming && typeof done === "number" ? done : null;
  const state =
    place !== "cluster"
      ? place
      : model.ready
        ? "loaded"
        : coming
          ? "coming"
          : model.lifecycle_status === "error"
            ? "error"
            : "onDisk";
  const { id, nodes, quantization } = model;
  return {
    id,
    place,
    state,
    percent,
    nodes,
    pictures: model.capabilities.image_understanding ?? null,
    sound: HEARS.test(id),
    contextLength: model.context_length,
    sizeBytes: model.size_bytes,
    quantization,
  };
}

function rank(choice: Choice): number {
  return { loaded: 0, onDisk: 1, coming: 2, elsewhere: 1, cloud: 1, error: 3 }[choice.state];
}
