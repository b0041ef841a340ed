import type { Schema } from "../../api/client";

export type Change = Schema<"AuditEntry">;

/** The latest changes and those already there, each once, the latest first. */
export function joined(latest: readonly Change[], known: readonly Change[]): readonly Change[] {
  const ids = new Set(latest.map(({ id }) => id));
  return [...latest, ...known.filter(({ id }) => !ids.has(id))];
}

/** What was changed, in short: "level=debug". */
export function detailsOf({ details }: Pick<Change, "details">): string {
  return Object.entries(details)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(", ");
}

/** The changes that have all of the words somewhere. */
export function having(changes: readonly Change[], search: string): readonly Change[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return changes.filter((change) => {
    const text = JSON.stringify(change).toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
