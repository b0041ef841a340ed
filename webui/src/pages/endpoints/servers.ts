import type { Schema } from "../../api/client";
import { text } from "../../text/endpoints";

export type Endpoint = Schema<"Endpoint">;
export type Runtime = Schema<"Runtime">;
export type Tone = "ok" | "warn" | "bad" | "info" | "idle";

/** Who answers: a machine of the cluster, a runtime that registered, or a server that somebody added. */
export interface ServerRow {
  key: string;
  sort: "machine" | "runtime" | "endpoint";
  /** Of text.kinds. */
  kind: string;
  name: string;
  address: string;
  /** Of text.states. */
  state: string;
  tone: Tone;
  models: number;
  latencyMs: number | null;
  weight: number | null;
  error: string | null;
  since: string | null;
  endpoint?: Endpoint;
  runtime?: Runtime;
}

const TONES: Record<string, Tone> = {
  online: "ok",
  error: "warn",
  offline: "bad",
  pending: "info",
  starting: "info",
  draining: "info",
  disabled: "idle",
};

/** Everybody, machines first. */
export function serverRows(endpoints: readonly Endpoint[], runtimes: readonly Runtime[]): ServerRow[] {
  const machines = runtimes.map(runtimeRow);
  return [
    ...machines.filter((row) => row.sort === "machine"),
    ...machines.filter((row) => row.sort === "runtime"),
    ...endpoints.map(endpointRow),
  ];
}

export function endpointRow(endpoint: Endpoint): ServerRow {
  const state = endpoint.enabled ? endpoint.status : "disabled";
  return {
    key: endpoint.id,
    sort: "endpoint",
    kind: endpoint.type ?? "unknown",
    name: endpoint.name,
    address: endpoint.base_url,
    state,
    tone: toneOf(state),
    models: endpoint.models,
    latencyMs: state === "online" ? endpoint.latency_ms : null,
    weight: endpoint.weight,
    error: state === "error" || state === "offline" ? endpoint.last_error : null,
    since: endpoint.failing_since,
    endpoint,
  };
}

function runtimeRow(runtime: Runtime): ServerRow {
  const machine = runtime.kind === "node";
  const off = runtime.settings?.enabled === false;
  const state = off ? "disabled" : runtime.status;
  return {
    key: runtime.id,
    sort: machine ? "machine" : "runtime",
    kind: machine ? "machine" : "runtime",
    name: runtime.name,
    address: addressOf(runtime),
    state,
    tone: toneOf(state),
    models: runtime.models,
    latencyMs: null,
    weight: runtime.settings?.weight ?? null,
    error: runtime.status_reason ?? runtime.last_error ?? null,
    since: runtime.failing_since ?? null,
    runtime,
  };
}

function addressOf(runtime: Runtime): string {
  if (runtime.kind === "node") return text.servers.machineOf;
  const port = runtime.runtime_api_port;
  return runtime.ip_address ? `${runtime.ip_address}${port ? `:${port}` : ""}` : text.servers.registered;
}

export function toneOf(state: string): Tone {
  return TONES[state] ?? "info";
}

/** What a person asked to see; empty: everything. */
export interface Wanted {
  search: string;
  kind: string;
  state: string;
}

export function filtered(rows: readonly ServerRow[], wanted: Wanted): ServerRow[] {
  const words = wanted.search.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    const said = `${row.name} ${row.address} ${row.endpoint?.notes ?? ""}`.toLowerCase();
    return (
      words.every((word) => said.includes(word)) &&
      (!wanted.kind || row.kind === wanted.kind) &&
      (!wanted.state || row.state === wanted.state)
    );
  });
}

/** The choices that make sense for these rows, each once, with its word. */
export function choices(
  rows: readonly ServerRow[],
  of: "kind" | "state",
  words: Record<string, string>,
): { value: string; label: string }[] {
  const found = [...new Set(rows.map((row) => row[of]))];
  return found.map((value) => ({ value, label: words[value] ?? value }));
}
