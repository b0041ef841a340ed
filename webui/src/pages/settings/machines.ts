import type { Schema } from "../../api/client";
import { hostOf } from "../machines/peer-address";

type Machine = Pick<Schema<"Node">, "online" | "addresses" | "http_port">;

/** The settings page of a machine on its own dashboard; null: it can't be reached. */
export function settingsAddress(node: Machine): string | null {
  const host = node.addresses.map(hostOf).find((each) => each !== null);
  if (!node.online || node.http_port === null || host === undefined) return null;
  return `http://${host}:${node.http_port}/dashboard/settings`;
}
