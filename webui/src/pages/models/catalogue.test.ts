import { describe, expect, it } from "vitest";
import type { LiveMachinePlaces } from "../../state/live-types";
import {
  filtered,
  modelRows,
  now,
  placesOf,
  versionOf,
  type Copy,
  type Place,
  type Placed,
  type Registered,
} from "./catalogue";

function place(change: Partial<Place> = {}): Place {
  return {
    kind: "machine",
    id: "A",
    name: "anna",
    this: true,
    online: true,
    model: "gemma",
    state: "on_disk",
    progress: 0,
    error: null,
    active: 0,
    queued: 0,
    context_length: null,
    slots: null,
    ...change,
  };
}

function placed(id: string, ...places: Place[]): Placed {
  return { id, capabilities: ["chat"], context_length: 8192, size_bytes: 7, quantization: "Q4_K_M", places };
}

function machine(change: Partial<LiveMachinePlaces> = {}): LiveMachinePlaces {
  return { id: "A", name: "anna", online: true, known: 1, models: [], ...change };
}

const copy: Copy = {
  id: "c",
  model: "org/owl:Q4_K_M",
  node: { id: "A", name: "anna" },
  state: "fetching",
  percent: 25,
  bytes_downloaded: 1,
  bytes_total: 4,
  sources: 1,
  bytes_per_s: 1,
  error: null,
  note: null,
};
const registered: Registered = {
  name: "org/owl",
  repo: "Org/Owl",
  revision: "c0ffee",
  format: "gguf",
  quantization: "Q4_K_M",
  size_bytes: 4,
  files: ["owl.gguf"],
  lifecycle_status: "pending",
  download_progress: null,
  nodes: [],
  error: null,
  warnings: [],
  created_at: "2026-11-25T12:00:00Z",
};
const loading = {
  model: "gemma",
  state: "loading",
  progress: 0.4,
  error: null,
  active: 0,
  queued: 2,
} as const;

describe("the state of a model", () => {
  const state = (places: Place[], machines: LiveMachinePlaces[] = [], copies: Copy[] = []) =>
    modelRows([placed("gemma", ...places)], [], machines, copies)[0];

  it("is what matters most about it", () => {
    expect(state([place()])?.state).toBe("on_disk");
    expect(state([place(), place({ id: "B", state: "loaded" })])?.state).toBe("loaded");
    expect(state([place({ state: "error", error: "no room" })])).toMatchObject({
      state: "error",
      error: "no room",
    });
    expect(state([place({ online: false })])?.state).toBe("asleep");
    expect(state([place({ kind: "endpoint", state: "listed" })])?.state).toBe("listed");
  });

  it("comes from the latest event", () => {
    expect(state([place()], [machine({ models: [loading] })])).toMatchObject({
      state: "loading",
      progress: 0.4,
      queued: 2,
    });
    expect(state([place({ state: "loaded" })], [machine()])?.state).toBe("on_disk");
    expect(state([place({ state: "loaded" })], [machine({ online: false })])?.state).toBe("asleep");
  });

  it("keeps what only the list knows while it stays loaded", () => {
    const loaded = place({ state: "loaded", context_length: 4096, slots: 4 });
    const said = { ...loading, state: "loaded" as const };
    expect(now(loaded, [machine({ models: [said] })]).slots).toBe(4);
    expect(now(loaded, [machine()]).slots).toBeNull();
  });
});

describe("models of the hub", () => {
  it("stand among the others, also those that nobody has", () => {
    const rows = modelRows([placed("gemma", place())], [registered], [], []);
    expect(rows.map((row) => [row.id, row.state])).toEqual([
      ["gemma", "on_disk"],
      ["org/owl", "pending"],
    ]);
  });

  it("are one with the file that a machine has", () => {
    const rows = modelRows([placed("org/owl", place())], [{ ...registered, name: "org/owl:Q4_K_M" }], [], []);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.registered?.repo).toBe("Org/Owl");
  });

  it("tell how they come, and why they didn't", () => {
    expect(modelRows([], [registered], [], [copy])[0]).toMatchObject({
      state: "downloading",
      progress: 0.25,
    });
    const failed = { ...copy, state: "failed" as const, error: "the hub is gone" };
    expect(modelRows([], [registered], [], [failed])[0]).toMatchObject({
      state: "error",
      error: "the hub is gone",
    });
  });
});

it("leaves cloud models out, but not a local one that is there too", () => {
  const rows = modelRows(
    [placed("openai:gpt-5", place({ kind: "cloud" })), placed("gemma", place())],
    [],
    [],
    [],
  );
  expect(rows.map((row) => row.id)).toEqual(["gemma"]);
});

describe("filters", () => {
  const rows = modelRows(
    [placed("gemma", place()), placed("bge", place({ id: "B", name: "bert" }))],
    [],
    [],
    [],
  );
  const all = { search: "", place: "", capability: "", state: "" };

  it.each([
    [all, 2],
    [{ ...all, search: "BERT bge" }, 1],
    [{ ...all, search: "q4_k" }, 2],
    [{ ...all, place: "A" }, 1],
    [{ ...all, capability: "rerank" }, 0],
    [{ ...all, state: "on_disk" }, 2],
  ])("%j", (wanted, many) => {
    expect(filtered(rows, wanted)).toHaveLength(many);
  });

  it("offer everybody once", () => {
    expect(placesOf(rows)).toEqual([
      { value: "B", label: "bert" },
      { value: "A", label: "anna" },
    ]);
  });
});

it("knows when the lists may have changed", () => {
  const before = versionOf([machine()], [], [copy]);
  expect(versionOf([machine({ models: [{ ...loading, progress: 0.5 }] })], [], [copy])).toBe(
    versionOf([machine({ models: [loading] })], [], [{ ...copy, percent: 99 }]),
  );
  expect(versionOf([machine({ known: 2 })], [], [copy])).not.toBe(before);
  expect(versionOf([machine()], [], [{ ...copy, state: "done" }])).not.toBe(before);
});
