import type { Schema } from "../../api/client";

type Machine = Pick<Schema<"Node">, "online" | "addresses" | "http_port">;

/** The settings page of a machine on its own dashboard; null: it can't be reached. */
export function settingsAddress(node: Machine): string | null {
  const host = node.addresses[0];
  if (!node.online || node.http_port === null || host === undefined) return null;
  return `http://${host.includes(":") ? `[${host}]` : host}:${node.http_port}/dashboard/settings`;
}
