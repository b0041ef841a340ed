import type { Schema } from "../../api/client";
import { hostOf } from "../machines/peer-address";

export interface Address {
  /** http://host:port, without a path. */
  origin: string;
  /** By the cluster's name, as this page came, by number, or of this machine only. */
  kind: "cluster" | "here" | "ip" | "local";
  /** Devices other than this machine reach it too. */
  reachable: boolean;
}

type Local = Schema<"LocalCluster">;

const LOOPBACK = /^(localhost|127\.[\d.]+|\[?::1\]?)$/;

/** Where programs reach the cluster, the best first: its name where it is said on the network, where this page came from, this machine's addresses. */
export function addressesOf(local: Local | undefined, here: { origin: string; hostname: string }): Address[] {
  const own = local?.nodes.find((node) => node.id === local.node.id);
  const port = own?.http_port ?? portOf(local?.url);
  const found: Address[] = [];
  if (local?.discovery.on === true)
    found.push({ origin: local.cluster_url, kind: "cluster", reachable: true });
  found.push(
    LOOPBACK.test(here.hostname)
      ? { origin: here.origin, kind: "local", reachable: false }
      : { origin: here.origin, kind: "here", reachable: true },
  );
  for (const address of own?.addresses ?? []) {
    const host = hostOf(address);
    if (host !== null && !LOOPBACK.test(host) && port !== null)
      found.push({ origin: `http://${host}:${port}`, kind: "ip", reachable: true });
  }
  if (local !== undefined) found.push({ origin: local.url, kind: "local", reachable: false });
  const seen = new Set<string>();
  return found.filter((each) => !seen.has(key(each.origin)) && seen.add(key(each.origin)));
}

/** What another device can use: the one that was chosen if it can, else the first that it can. */
export function forOtherDevices(addresses: readonly Address[], chosen: string): string | null {
  const reachable = addresses.filter((each) => each.reachable);
  return (
    (reachable.find((each) => each.origin === chosen) ?? reachable.find(isNumeric) ?? reachable[0])?.origin ??
    null
  );
}

/** Phones often don't know names that end in .local. */
function isNumeric(address: Address): boolean {
  return /^http:\/\/(\d+\.\d+\.\d+\.\d+|\[)/.test(address.origin);
}

function key(origin: string): string {
  return origin.replace(/\/\/(127\.0\.0\.1|\[::1\])(:|$)/, "//localhost$2").toLowerCase();
}

function portOf(url: string | undefined): number | null {
  const port = url === undefined ? "" : new URL(url).port;
  return port === "" ? null : Number(port);
}
