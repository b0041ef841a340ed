import { describe, expect, it } from "vitest";
import type { Schema } from "../../api/client";
import { addressesOf, forOtherDevices } from "./addresses";

function local(addresses: string[]): Schema<"LocalCluster"> {
  const node = { id: "a", name: "meadow", role: "alone" as const };
  return {
    url: "http://localhost:32768",
    cluster_url: "http://corral.local:32768",
    node,
    nodes: [{ ...node, addresses, http_port: 32768 }],
  } as unknown as Schema<"LocalCluster">;
}

const LOOPBACK = { origin: "http://127.0.0.1:32768", hostname: "127.0.0.1" };
const REMOTE = { origin: "http://192.168.1.20:32768", hostname: "192.168.1.20" };

describe("where programs reach the cluster", () => {
  it("begins with where the page came from", () => {
    const found = addressesOf(local(["192.168.1.20:32769", "[fe80::1]:32769"]), LOOPBACK);
    expect(found.map((each) => each.origin)).toEqual([
      "http://127.0.0.1:32768",
      "http://corral.local:32768",
      "http://192.168.1.20:32768",
    ]);
    expect(found.map((each) => each.reachable)).toEqual([false, true, true]);
  });

  it("names each once", () => {
    const found = addressesOf(local(["192.168.1.20:32769"]), REMOTE).map((each) => each.origin);
    expect(found).toEqual([
      "http://192.168.1.20:32768",
      "http://corral.local:32768",
      "http://localhost:32768",
    ]);
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
