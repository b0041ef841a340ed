import { bytes, dateTime, duration, number } from "../../format";
import { text } from "../../text/machines";
import type { ClusterNode, Machine, Runtime } from "./machine";

export interface Fact {
  label: string;
  values: string[];
}

const NOW_S = 15;
const RIGHT_S = 1;

/** What is known of a machine, without what isn't. */
export function factsOf({ node, runtime, role }: Machine): Fact[] {
  const { detail, roles } = text;
  const facts: (Fact | null)[] = [
    fact(detail.role, roles[role]),
    ...hardwareFacts(runtime),
    fact(detail.version, node?.version ?? runtime?.version),
    ...(node === null ? [] : nodeFacts(node)),
    fact(detail.trouble, node?.trouble ?? runtime?.last_error),
  ];
  return facts.filter((each): each is Fact => each !== null && each.values.length > 0);
}

function hardwareFacts(runtime: Runtime | null): (Fact | null)[] {
  const hardware = runtime?.hardware;
  if (!hardware) return [];
  const { detail } = text;
  const cards = hardware.gpus.map((gpu) => `${gpu.name}, ${bytes(gpu.memory_bytes)}`);
  return [
    fact(detail.cores, number(hardware.cores)),
    fact(detail.ram, bytes(hardware.memory_bytes)),
    { label: detail.gpus, values: cards.length > 0 ? [...new Set(cards)] : [text.noGpu] },
  ];
}

function nodeFacts(node: ClusterNode): (Fact | null)[] {
  const { detail } = text;
  const heard = node.last_heard_s;
  return [
    { label: detail.addresses, values: [...new Set(node.addresses)] },
    fact(detail.since, dateTime(node.approved_at)),
    fact(
      detail.heard,
      node.online || (heard !== null && heard < NOW_S)
        ? detail.heardNow
        : heard === null
          ? null
          : detail.ago(duration(heard)),
    ),
    fact(detail.skew, skewWords(node.clock_skew_s)),
  ];
}

function skewWords(skew: number | null): string | null {
  const { detail } = text;
  if (skew === null) return null;
  if (Math.abs(skew) < RIGHT_S) return detail.clockRight;
  return skew > 0 ? detail.ahead(duration(skew)) : detail.behind(duration(-skew));
}

function fact(label: string, value: string | null | undefined): Fact | null {
  return value ? { label, values: [value] } : null;
}
