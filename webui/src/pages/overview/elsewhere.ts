import type { Schema } from "../../api/client";
import type { IconName } from "../../components/icons";
import { text } from "../../text/overview";
import type { Machine, Tone } from "../machines/machine";

/** What serves models without being a machine of the cluster. */
export interface Elsewhere {
  id: string;
  name: string;
  kind: string;
  icon: IconName;
  tone: Tone;
  status: string;
  href: string;
}

const TONES: Record<string, Tone> = { online: "ok", pending: "info", error: "warn", offline: "bad" };
const PROVIDERS = ["openai", "google", "anthropic"] as const;

/** Servers, runtimes that registered, and cloud providers whose key is set. */
export function elsewhereOf(
  endpoints: readonly Schema<"Endpoint">[],
  runtimes: readonly Machine[],
  stats: Record<string, unknown> | undefined,
): Elsewhere[] {
  const { kinds, cloud } = text.picture;
  return [
    ...runtimes.map((each) => ({
      id: `runtime:${each.id}`,
      name: each.name,
      kind: kinds.runtime,
      icon: "machines" as const,
      tone: each.state.tone,
      status: each.state.label,
      href: `/dashboard/machines/${encodeURIComponent(each.id)}`,
    })),
    ...endpoints.map((each) => ({
      id: `endpoint:${each.id}`,
      name: each.name,
      kind: kinds.server,
      icon: "endpoints" as const,
      tone: TONES[each.status] ?? "idle",
      status: each.status,
      href: "/dashboard/endpoints",
    })),
    ...PROVIDERS.filter((each) => stats?.[`${each}_key_present`] === true).map((each) => ({
      id: `cloud:${each}`,
      name: cloud[each] ?? each,
      kind: kinds.cloud,
      icon: "cloud" as const,
      tone: "ok" as const,
      status: "",
      href: "/dashboard/models",
    })),
  ];
}
