import type { Schema } from "../../api/client";
import type { IconName } from "../../components/icons";
import { text } from "../../text/overview";
import { machinePath, type Machine } from "../machines/machine";

/** Something that should be looked at, and where. */
export interface Notice {
  id: string;
  tone: "warn" | "bad" | "info";
  icon: IconName;
  title: string;
  hint: string;
  href?: string;
  action?: string;
}

export interface Facts {
  recording: { paused: boolean; reason: string | null } | null;
  machines: readonly Machine[];
  endpoints: readonly Schema<"Endpoint">[];
  models: readonly { name: string; lifecycle: string; error: string | null }[];
  /** Of the cluster's document. */
  warnings: readonly string[];
  /** How many models somebody serves; null: not known yet. */
  served: number | null;
}

/** Whether requests are being recorded, as the node says; null: it has said nothing yet. */
export function recordingOf(node: Schema<"Health"> | null): Facts["recording"] {
  if (node === null) return null;
  const reason = node.recording_reason;
  return { paused: node.recording === "paused", reason: typeof reason === "string" ? reason : null };
}

const DOWN = new Set(["offline", "error"]);

/** What is wrong now, the worst first. Pure. */
export function noticesOf(facts: Facts): Notice[] {
  const { notices } = text;
  const found: Notice[] = [];
  if (facts.recording?.paused)
    found.push({
      id: "recording",
      tone: "bad",
      icon: "warning",
      title: notices.recording.title,
      hint: notices.recording.hint(facts.recording.reason),
    });
  found.push(...facts.machines.flatMap(ofMachine), ...facts.endpoints.flatMap(ofEndpoint));
  for (const warning of facts.warnings)
    found.push({
      id: `warning:${warning}`,
      tone: "warn",
      icon: "warning",
      title: notices.cluster,
      hint: sentence(warning),
    });
  for (const model of facts.models)
    if (model.lifecycle === "error")
      found.push({
        id: `model:${model.name}`,
        tone: "warn",
        icon: "models",
        title: notices.model.title(model.name),
        hint: model.error ?? notices.model.hint,
        href: "/dashboard/models",
        action: notices.model.action,
      });
  if (facts.served === 0)
    found.push({
      id: "no-models",
      tone: "info",
      icon: "models",
      title: notices.noModels.title,
      hint: notices.noModels.hint,
      href: "/dashboard/models",
      action: notices.noModels.action,
    });
  return found;
}

function ofMachine(machine: Machine): Notice[] {
  const { notices } = text;
  const base = { icon: "machines" as const, href: machinePath(machine.id), action: notices.look };
  if (machine.node?.needs_update)
    return [
      {
        ...base,
        id: `update:${machine.id}`,
        tone: "warn",
        title: notices.update.title(machine.name),
        hint: notices.update.hint,
      },
    ];
  if (!machine.online)
    return [
      {
        ...base,
        id: `offline:${machine.id}`,
        tone: "warn",
        title: notices.offline.title(machine.name),
        hint: machine.node?.trouble ? sentence(machine.node.trouble) : notices.offline.hint,
      },
    ];
  if (machine.runtime?.failing_since)
    return [
      {
        ...base,
        id: `failing:${machine.id}`,
        tone: "warn",
        title: notices.failing.title(machine.name),
        hint: machine.runtime.last_error ? sentence(machine.runtime.last_error) : notices.failing.hint,
      },
    ];
  return [];
}

function ofEndpoint(endpoint: Schema<"Endpoint">): Notice[] {
  if (!DOWN.has(endpoint.status)) return [];
  const { notices } = text;
  return [
    {
      id: `endpoint:${endpoint.id}`,
      tone: "warn",
      icon: "endpoints",
      title: notices.endpoint.title(endpoint.name),
      hint: endpoint.last_error ? sentence(endpoint.last_error) : notices.endpoint.hint,
      href: "/dashboard/endpoints",
      action: notices.endpoint.action,
    },
  ];
}

/** Warnings of the node are written small and without an end. */
function sentence(words: string): string {
  const begun = words.charAt(0).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
