import { describe, expect, it } from "vitest";
import type { Schema } from "../../api/client";
import { addressesOf, forOtherDevices } from "./addresses";

function local(addresses: string[], on = true): Schema<"LocalCluster"> {
  const node = { id: "a", name: "meadow", role: "alone" as const };
  return {
    url: "http://localhost:32768",
    cluster_url: "http://corral.local:32768",
    node,
    discovery: { on },
    nodes: [{ ...node, addresses, http_port: 32768 }],
  } as unknown as Schema<"LocalCluster">;
}

const LOOPBACK = { origin: "http://127.0.0.1:32768", hostname: "127.0.0.1" };
const REMOTE = { origin: "http://192.168.1.20:32768", hostname: "192.168.1.20" };

describe("where programs reach the cluster", () => {
  it("begins with the name of the cluster", () => {
    const found = addressesOf(local(["192.168.1.20:32769", "[fe80::1]:32769"]), LOOPBACK);
    expect(found).toEqual([
      { origin: "http://corral.local:32768", kind: "cluster", reachable: true },
      { origin: "http://127.0.0.1:32768", kind: "local", reachable: false },
      { origin: "http://192.168.1.20:32768", kind: "ip", reachable: true },
    ]);
  });

  it("names each once", () => {
    const found = addressesOf(local(["192.168.1.20:32769"]), REMOTE);
    expect(found.map((each) => [each.kind, each.origin])).toEqual([
      ["cluster", "http://corral.local:32768"],
      ["here", "http://192.168.1.20:32768"],
      ["local", "http://localhost:32768"],
    ]);
    const byName = { origin: "http://corral.local:32768", hostname: "corral.local" };
    expect(addressesOf(local([]), byName).map((each) => each.kind)).toEqual(["cluster", "local"]);
  });

  it("leaves the name out where nobody says it on the network", () => {
    expect(addressesOf(local([], false), LOOPBACK).map((each) => each.kind)).toEqual(["local"]);
    expect(addressesOf(local([], false), REMOTE)[0]?.kind).toBe("here");
  });

  it("has one before the node has answered", () => {
    expect(addressesOf(undefined, REMOTE)).toHaveLength(1);
  });

  it("gives other devices a number where the chosen one is of this machine only", () => {
    const found = addressesOf(local(["192.168.1.20:32769"]), LOOPBACK);
    expect(forOtherDevices(found, "http://127.0.0.1:32768")).toBe("http://192.168.1.20:32768");
    expect(forOtherDevices(found, "http://corral.local:32768")).toBe("http://corral.local:32768");
    expect(forOtherDevices(addressesOf(undefined, LOOPBACK), LOOPBACK.origin)).toBeNull();
  });
});
