import { describe, expect, it } from "vitest";
import { choices, filtered, serverRows, type Endpoint, type Runtime } from "./servers";

const endpoint: Endpoint = {
  id: "e1",
  name: "Ollama upstairs",
  base_url: "http://10.0.0.2:11434",
  type: "ollama",
  type_detected: true,
  has_api_key: false,
  enabled: true,
  health_check_interval_secs: 30,
  inference_timeout_secs: 120,
  weight: 2,
  notes: "under the roof",
  created_at: "2026-11-25T12:00:00Z",
  status: "online",
  status_since: null,
  latency_ms: 12,
  last_checked_at: null,
  last_error: "an old one",
  last_error_at: null,
  failing_since: null,
  models: 3,
  synced_at: null,
};

function runtime(change: Partial<Runtime>): Runtime {
  return {
    id: "r1",
    kind: "node",
    name: "anna",
    status: "online",
    active_requests: 0,
    tokens_per_s: 0,
    loaded_models: [],
    models: 1,
    load: null,
    ...change,
  } as Runtime;
}

describe("rows of servers", () => {
  it("shows machines first, then runtimes, then servers elsewhere", () => {
    const rows = serverRows([endpoint], [runtime({ id: "r2", kind: "runtime" }), runtime({})]);
    expect(rows.map((row) => row.sort)).toEqual(["machine", "runtime", "endpoint"]);
  });

  it("tells no error of one that is well", () => {
    expect(serverRows([endpoint], [])[0]).toMatchObject({ tone: "ok", error: null, latencyMs: 12 });
  });

  it("tells the error and since when of one that fails", () => {
    const failing = { ...endpoint, status: "offline" as const, failing_since: "2026-11-25T12:00:00Z" };
    expect(serverRows([failing], [])[0]).toMatchObject({
      tone: "bad",
      error: "an old one",
      since: "2026-11-25T12:00:00Z",
      latencyMs: null,
    });
  });

  it("says of one that is switched off only that", () => {
    const off = { ...endpoint, enabled: false, status: "error" as const };
    expect(serverRows([off], [])[0]).toMatchObject({ state: "disabled", tone: "idle", error: null });
  });

  it("says where a runtime is", () => {
    const row = serverRows(
      [],
      [runtime({ kind: "runtime", ip_address: "10.0.0.9", runtime_api_port: 81 })],
    )[0];
    expect(row?.address).toBe("10.0.0.9:81");
  });
});

describe("filters", () => {
  const rows = serverRows([endpoint], [runtime({})]);

  it.each([
    [{ search: "", kind: "", state: "" }, 2],
    [{ search: "upstairs 11434", kind: "", state: "" }, 1],
    [{ search: "ROOF", kind: "", state: "" }, 1],
    [{ search: "", kind: "machine", state: "" }, 1],
    [{ search: "", kind: "", state: "offline" }, 0],
  ])("%j", (wanted, many) => {
    expect(filtered(rows, wanted)).toHaveLength(many);
  });

  it("offers what there is", () => {
    expect(choices(rows, "kind", { machine: "Machine" })).toEqual([
      { value: "machine", label: "Machine" },
      { value: "ollama", label: "ollama" },
    ]);
  });
});
