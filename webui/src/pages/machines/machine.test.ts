import { describe, expect, it } from "vitest";
import { factsOf } from "./facts";
import { loadChart } from "./load-charts";
import { logLine } from "./log-line";
import { loadOf, machinesOf, type Cluster, type ClusterNode, type Runtime } from "./machine";

function node(id: string, more: Partial<ClusterNode> = {}): ClusterNode {
  return {
    id,
    name: id,
    this: false,
    role: "follower",
    online: true,
    last_heard_s: 0.4,
    version: "0.1.0",
    addresses: ["192.168.1.20:32769"],
    http_port: 32768,
    clock_skew_s: 0,
    approved_at: "2026-11-25T18:00:00Z",
    router_choice: null,
    needs_update: false,
    link: null,
    trouble: null,
    ...more,
  };
}

function runtime(id: string, more: Partial<Runtime> = {}): Runtime {
  return {
    id,
    node: id,
    kind: "node",
    name: id,
    status: "online",
    active_requests: 0,
    tokens_per_s: 0,
    loaded_models: [],
    models: 2,
    load: null,
    ...more,
  } as Runtime;
}

function cluster(...nodes: ClusterNode[]): Cluster {
  return { nodes } as unknown as Cluster;
}

const LOAD = {
  at: "2026-11-25T18:00:00Z",
  cpu_percent: 40,
  memory_percent: 60,
  active: 0,
  queued: 0,
  tokens_per_s: 0,
  battery_percent: null,
  on_battery: null,
};
const CARD = { name: "RTX", used_percent: 70, memory_percent: 90, temperature_celsius: 61 };

describe("machines", () => {
  it("come once each: the router, those that are there, those that are gone, by name", () => {
    const found = machinesOf(
      cluster(node("m10"), node("gone", { online: false }), node("m2"), node("z", { role: "router" })),
      [runtime("meadow", { node: "z" }), runtime("m2"), runtime("r", { kind: "runtime", node: null })],
    );
    expect(found.map((each) => each.id)).toEqual(["z", "m2", "m10", "r", "gone"]);
    expect(found.map((each) => each.role)).toEqual(["router", "follower", "follower", "runtime", "follower"]);
    expect(found[0]?.runtime?.name).toBe("meadow");
  });

  it.each([
    [{ online: false }, {}, "Offline"],
    [{ needs_update: true }, {}, "Needs an update"],
    [{}, { status: "draining" }, "Takes no new work"],
    [{}, { failing_since: "2026-11-25T18:00:00Z" }, "Failing"],
    [{}, {}, "Online"],
  ])("say how they are: %o %o", (one, other, words) => {
    const [found] = machinesOf(cluster(node("a", one)), [runtime("a", other)]);
    expect(found?.state.label).toBe(words);
  });

  it("that are gone do nothing", () => {
    const busy = runtime("a", { active_requests: 3, tokens_per_s: 12, load: { ...LOAD, gpus: [] } });
    const [found] = machinesOf(cluster(node("a", { online: false })), [busy]);
    expect([found?.active, found?.tokensPerS, found?.load]).toEqual([0, 0, null]);
  });

  it("are as busy as the busiest of processor and cards", () => {
    expect(loadOf(runtime("a"))).toBeNull();
    expect(loadOf(runtime("a", { load: { ...LOAD, gpus: [] } }))).toBe(0.4);
    expect(loadOf(runtime("a", { load: { ...LOAD, gpus: [CARD] } }))).toBe(0.7);
  });

  it("show what is known of them, and nothing that isn't", () => {
    const hardware = { cores: 8, memory_bytes: 16 * 1024 ** 3, gpus: [] };
    const [one] = machinesOf(cluster(node("a", { clock_skew_s: -42 })), [runtime("a", { hardware })]);
    const facts = Object.fromEntries(factsOf(one!).map((each) => [each.label, each.values.join()]));
    expect(facts).toMatchObject({
      "Processor cores": "8",
      Memory: "16 GB",
      "Graphics cards": "none",
      Clock: "42 s behind",
      "Last heard": "now",
    });
    expect(facts).not.toHaveProperty("Last trouble");
    const [stranger] = machinesOf(cluster(node("b")), []);
    expect(factsOf(stranger!).map((each) => each.label)).not.toContain("Processor cores");
  });
});

it("a load chart has a line for each card", () => {
  const samples = [
    { ...LOAD, gpus: [] },
    { ...LOAD, gpus: [CARD, CARD] },
  ];
  const { series, times } = loadChart(samples);
  expect(times).toHaveLength(2);
  expect(series.map((each) => each.label)).toEqual([
    "Processor",
    "Memory",
    "Graphics card 1",
    "Graphics card 2",
  ]);
  expect(series[2]?.values).toEqual([null, 70]);
});

it("a log entry is a line", () => {
  const entry = {
    timestamp: "2026-11-25T18:00:00Z",
    level: "info",
    event: "ready",
    logger: "corral",
    port: 1,
    none: null,
  };
  expect(logLine(entry)).toMatchObject({ level: "info", words: "ready port=1" });
});
