import type { Schema } from "../api/client";

/** A model as events tell of it; /v0/models knows more. */
export interface LiveModel {
  name: string;
  lifecycle: string;
  progress: number;
  error: string | null;
  active: number;
  queued: number;
}

/** A machine's models that are not merely on its disk; `known` counts all that it has. */
export interface LiveMachinePlaces {
  id: string;
  name: string;
  online: boolean;
  known: number;
  models: {
    model: string;
    state: Schema<"ModelPlace">["state"];
    progress: number;
    error: string | null;
    active: number;
    queued: number;
  }[];
}

export interface LiveLoad {
  active: number;
  waiting: number;
  tokens_per_s: number;
}

/** How things are, as the stream tells. `machines`, `cluster` and `joining` are for administrators. */
export interface LiveState {
  node: Schema<"Health"> | null;
  models: LiveModel[];
  endpoints: Schema<"Endpoint">[];
  load: LiveLoad;
  downloads: Schema<"Copy">[];
  places: LiveMachinePlaces[];
  cluster: Schema<"Cluster"> | null;
  joining: Schema<"Joining"> | null;
  machines: Schema<"Runtime">[];
}

export const NOTHING_YET: LiveState = {
  node: null,
  models: [],
  endpoints: [],
  load: { active: 0, waiting: 0, tokens_per_s: 0 },
  downloads: [],
  places: [],
  cluster: null,
  joining: null,
  machines: [],
};

const KEPT = [
  "node",
  "models",
  "endpoints",
  "load",
  "downloads",
  "places",
  "cluster",
  "joining",
  "machines",
] as const;

/** The state after an event. A snapshot replaces all of it; of the rest each tells about one thing. */
export function after(state: LiveState, kind: string, data: unknown): LiveState {
  const told = data as Partial<LiveState>;
  if (kind === "snapshot") return { ...NOTHING_YET, ...told };
  const part = KEPT.find((each) => each === kind);
  return part === undefined || !(part in told) ? state : { ...state, [part]: told[part] };
}
