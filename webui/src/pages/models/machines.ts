import type { Schema } from "../../api/client";
import { text } from "../../text/models";
import type { ModelRow } from "./catalogue";
import { machinesOf } from "./menu-items";

type Node = Schema<"Node">;

/** Machines that are on and don't have the model. */
export function lacking(row: ModelRow, nodes: readonly Node[]): Node[] {
  const having = new Set(row.places.filter((place) => place.kind === "machine").map((place) => place.id));
  return nodes.filter((node) => node.online && !having.has(node.id));
}

/** Where a model can be deleted from; "" means all machines. */
export function removalChoices(row: ModelRow): { value: string; label: string }[] {
  const machines = machinesOf(row);
  const t = text.remove;
  if (machines.length === 0) return [{ value: "", label: t.onlyForget }];
  const names = namesOf(row);
  const everywhere = row.registered !== null ? t.everywhereRegistered(names) : t.everywhere(names);
  if (machines.length === 1 && row.registered === null)
    return machines.map((place) => ({ value: place.id, label: place.name }));
  return [
    { value: "", label: everywhere },
    ...machines.map((place) => ({ value: place.id, label: place.name })),
  ];
}

/** What is said before a deletion. */
export function removalMessage(row: ModelRow, from: string, size: string): string {
  const machines = machinesOf(row);
  if (machines.length === 0) return text.remove.forgetMessage;
  const names = from === "" ? namesOf(row) : (machines.find((place) => place.id === from)?.name ?? "");
  return text.remove.message(names, size);
}

function namesOf(row: ModelRow): string {
  return machinesOf(row)
    .map((place) => place.name)
    .join(", ");
}
