import type { Schema } from "../../api/client";
import type { LiveMachinePlaces } from "../../state/live-types";

export type Place = Schema<"ModelPlace">;
export type Registered = Schema<"RegisteredModel">;
export type Copy = Schema<"Copy">;
export type Placed = Schema<"PlacedModel">;

export type ModelState =
  "loading" | "loaded" | "downloading" | "on_disk" | "listed" | "error" | "pending" | "asleep";

/** A model of the cluster, once, whoever has it. */
export interface ModelRow {
  id: string;
  capabilities: string[];
  contextLength: number;
  sizeBytes: number;
  quantization: string;
  places: Place[];
  /** Of the hub's models: how it is registered. */
  registered: Registered | null;
  copies: Copy[];
  state: ModelState;
  /** 0…1 while it loads or comes. */
  progress: number;
  error: string | null;
  active: number;
  queued: number;
}

const ENDED = ["done", "failed", "cancelled"];

export function isUnderWay(copy: Copy): boolean {
  return !ENDED.includes(copy.state);
}

/** Everything about each model together. Cloud models are left out: they are many, and elsewhere. */
export function modelRows(
  placed: readonly Placed[],
  registered: readonly Registered[],
  machines: readonly LiveMachinePlaces[],
  copies: readonly Copy[],
): ModelRow[] {
  const byName = new Map(registered.map((model) => [model.name.toLowerCase(), model]));
  const rows = placed.flatMap((model) => {
    const places = model.places
      .filter((place) => place.kind !== "cloud")
      .map((place) => now(place, machines));
    if (places.length === 0) return [];
    const known = take(byName, model);
    return [row(model, places, known, copiesOf(model.id, known, copies))];
  });
  const nowhere = [...byName.values()].map((model) =>
    row(asPlaced(model), [], model, copiesOf(model.name, model, copies)),
  );
  return [...rows, ...nowhere].sort((one, other) => one.id.localeCompare(other.id, "en", { numeric: true }));
}

/** How a place is by the latest event, which says nothing of models that are merely on disk. */
export function now(place: Place, machines: readonly LiveMachinePlaces[]): Place {
  const machine = place.kind === "machine" ? machines.find((each) => each.id === place.id) : undefined;
  if (machine === undefined) return place;
  const said = machine.models.find((each) => each.model === place.model);
  const quiet = { state: "on_disk", progress: 0, error: null, active: 0, queued: 0 } as const;
  const still = said?.state === "loaded" && place.state === "loaded";
  return {
    ...place,
    context_length: still ? place.context_length : null,
    slots: still ? place.slots : null,
    ...(said ?? quiet),
    online: machine.online,
  };
}

function take(byName: Map<string, Registered>, model: Placed): Registered | null {
  const id = model.id.toLowerCase();
  for (const name of [id, `${id}:${model.quantization.toLowerCase()}`]) {
    const found = byName.get(name);
    if (found !== undefined && byName.delete(name)) return found;
  }
  return null;
}

function asPlaced(model: Registered): Placed {
  return {
    id: model.name,
    capabilities: [],
    context_length: 0,
    size_bytes: model.size_bytes,
    quantization: model.quantization ?? "",
    places: [],
  };
}

function copiesOf(id: string, registered: Registered | null, copies: readonly Copy[]): Copy[] {
  const quantization = registered?.quantization;
  const names = [id, registered?.name, quantization && `${id}:${quantization}`];
  const known = new Set(
    names.filter((name) => name !== undefined && name !== null).map((name) => name.toLowerCase()),
  );
  return copies.filter((copy) => known.has(copy.model.toLowerCase()));
}

function row(model: Placed, places: Place[], registered: Registered | null, copies: Copy[]): ModelRow {
  const coming = copies.filter(isUnderWay);
  const state = stateOf(places, coming, registered, copies);
  const loading = places.filter((place) => place.online && place.state === "loading");
  const progress =
    state === "loading"
      ? Math.max(...loading.map((place) => place.progress))
      : Math.max(0, ...coming.map((copy) => copy.percent / 100));
  return {
    id: model.id,
    capabilities: model.capabilities,
    contextLength: model.context_length,
    sizeBytes: model.size_bytes,
    quantization: model.quantization,
    places,
    registered,
    copies,
    state,
    progress,
    error:
      places.find((place) => place.error)?.error ??
      (state === "error" ? failureOf(registered, copies) : null),
    active: sum(places.map((place) => place.active)),
    queued: sum(places.map((place) => place.queued)),
  };
}

/** What matters most about it. */
function stateOf(places: Place[], coming: Copy[], registered: Registered | null, copies: Copy[]): ModelState {
  const online = places.filter((place) => place.online);
  const has = (state: Place["state"]) => online.some((place) => place.state === state);
  if (has("loading")) return "loading";
  if (has("loaded")) return "loaded";
  if (coming.length > 0) return "downloading";
  if (has("listed")) return "listed";
  if (has("on_disk")) return "on_disk";
  if (has("error")) return "error";
  if (places.length > 0) return "asleep";
  return failureOf(registered, copies) === null ? "pending" : "error";
}

function failureOf(registered: Registered | null, copies: Copy[]): string | null {
  return (
    registered?.download_progress?.error ?? copies.find((copy) => copy.state === "failed")?.error ?? null
  );
}

function sum(numbers: number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}

/** What a person asked to see; empty: everything. */
export interface Wanted {
  search: string;
  place: string;
  capability: string;
  state: string;
}

export function filtered(rows: readonly ModelRow[], wanted: Wanted): ModelRow[] {
  const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    const said = [row.id, row.quantization, ...row.places.map((place) => place.name)].join(" ").toLowerCase();
    return (
      words.every((word) => said.includes(word)) &&
      (!wanted.place || row.places.some((place) => place.id === wanted.place)) &&
      (!wanted.capability || row.capabilities.includes(wanted.capability)) &&
      (!wanted.state || row.state === wanted.state)
    );
  });
}

/** Everybody who has a model, each once. */
export function placesOf(rows: readonly ModelRow[]): { value: string; label: string }[] {
  const names = new Map(rows.flatMap((row) => row.places.map((place) => [place.id, place.name] as const)));
  return [...names].map(([value, label]) => ({ value, label }));
}

/** Changes when a list of models may have changed, so that it is fetched anew. */
export function versionOf(
  machines: readonly LiveMachinePlaces[],
  endpoints: readonly Schema<"Endpoint">[],
  copies: readonly Copy[],
): string {
  return JSON.stringify([
    machines.map((each) => [
      each.id,
      each.online,
      each.known,
      each.models.map((model) => [model.model, model.state]),
    ]),
    endpoints.map((each) => [each.id, each.status, each.models, each.enabled]),
    copies.map((each) => [each.id, each.state]),
  ]);
}
