import type { Schema } from "../../api/client";
import { text } from "../../text/machines";

export type Runtime = Schema<"Runtime">;
export type Cluster = Schema<"Cluster">;
export type ClusterNode = Cluster["nodes"][number];
export type Tone = "ok" | "warn" | "bad" | "info" | "idle";

/** A machine as pages show it: what the cluster knows of it, and what it says of its load. */
export interface Machine {
  id: string;
  name: string;
  kind: "node" | "runtime";
  role: "router" | "follower" | "runtime";
  online: boolean;
  state: { tone: Tone; label: string };
  /** Between 0 and 1: that of the processor or of the busiest card, whichever has more to do. */
  load: number | null;
  active: number;
  tokensPerS: number;
  node: ClusterNode | null;
  runtime: Runtime | null;
}

/** Every machine once: the router first, then those that are there, by name. */
export function machinesOf(cluster: Cluster | null, runtimes: readonly Runtime[]): Machine[] {
  const said = new Map(runtimes.map((each) => [each.node ?? each.id, each]));
  const nodes = cluster?.nodes ?? [];
  const known = new Set(nodes.map((each) => each.id));
  const members = nodes.map((node) => machine(node, said.get(node.id) ?? null));
  const others = runtimes
    .filter((each) => !known.has(each.node ?? each.id))
    .map((each) => machine(null, each));
  return [...members, ...others].sort(inOrder);
}

/** The path of a machine's page. */
export function machinePath(id: string): string {
  return `/dashboard/machines/${encodeURIComponent(id)}`;
}

function machine(node: ClusterNode | null, runtime: Runtime | null): Machine {
  const online = node === null ? runtime?.status === "online" : node.online;
  return {
    id: node?.id ?? runtime?.node ?? runtime?.id ?? "",
    name: node?.name ?? runtime?.name ?? "",
    kind: runtime?.kind ?? "node",
    role:
      node === null
        ? runtime?.kind === "runtime"
          ? "runtime"
          : "follower"
        : node.role === "router"
          ? "router"
          : "follower",
    online,
    state: stateOf(node, runtime, online),
    load: online ? loadOf(runtime) : null,
    active: online ? (runtime?.active_requests ?? 0) : 0,
    tokensPerS: online ? (runtime?.tokens_per_s ?? 0) : 0,
    node,
    runtime,
  };
}

function stateOf(node: ClusterNode | null, runtime: Runtime | null, online: boolean): Machine["state"] {
  const { states } = text;
  if (node?.needs_update) return { tone: "warn", label: states.needsUpdate };
  if (!online) return { tone: "bad", label: states.offline };
  if (runtime?.status === "starting") return { tone: "info", label: states.starting };
  if (runtime?.status === "draining") return { tone: "info", label: states.draining };
  if (runtime !== null && runtime.status !== "online") return { tone: "warn", label: runtime.status };
  if (runtime?.failing_since) return { tone: "warn", label: states.failing };
  return { tone: "ok", label: states.online };
}

/** The busiest of processor and cards, between 0 and 1; null where the machine doesn't say. */
export function loadOf(runtime: Runtime | null): number | null {
  const load = runtime?.load;
  if (!load) return null;
  const cards = load.gpus.map((gpu) => gpu.used_percent ?? 0);
  const all = [...(load.cpu_percent === null ? [] : [load.cpu_percent]), ...cards];
  return all.length === 0 ? null : Math.min(1, Math.max(0, ...all) / 100);
}

function inOrder(one: Machine, other: Machine): number {
  const rank = (each: Machine) => (each.role === "router" ? 0 : each.online ? 1 : 2);
  return rank(one) - rank(other) || one.name.localeCompare(other.name, "en", { numeric: true });
}
