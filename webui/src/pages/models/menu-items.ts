import type { MenuItem } from "../../components/menu";
import { text } from "../../text/models";
import type { ModelRow, Place } from "./catalogue";

/** What a row's buttons do. */
export interface Effects {
  open: () => void;
  load: (place: Place) => void;
  unload: (place: Place) => void;
  copy: () => void;
  remove: () => void;
  download: () => void;
}

export function machinesOf(row: ModelRow): Place[] {
  return row.places.filter((place) => place.kind === "machine" && place.online);
}

export function canLoad(place: Place): boolean {
  return place.state === "on_disk" || place.state === "error";
}

export function canUnload(place: Place): boolean {
  return place.state === "loaded" || place.state === "loading";
}

/** The button beside a row: what is wanted most often, if there is one answer to it. */
export function mainAction(
  row: ModelRow,
): { kind: "load" | "unload"; place: Place } | { kind: "download" } | null {
  const machines = machinesOf(row);
  const [only] = machines;
  if (only === undefined || machines.length > 1) {
    const waits = row.registered !== null && row.places.length === 0 && row.state !== "downloading";
    return waits ? { kind: "download" } : null;
  }
  if (canLoad(only)) return { kind: "load", place: only };
  return canUnload(only) ? { kind: "unload", place: only } : null;
}

/** Everything that can be done with a model. */
export function menuItems(row: ModelRow, effects: Effects): MenuItem[] {
  const a = text.actions;
  const items: MenuItem[] = [{ label: a.details, icon: "info", onclick: effects.open }];
  const machines = machinesOf(row);
  for (const place of machines) {
    if (canLoad(place))
      items.push({ label: a.loadOn(place.name), icon: "play", onclick: () => effects.load(place) });
    else if (canUnload(place))
      items.push({ label: a.unloadFrom(place.name), icon: "stop", onclick: () => effects.unload(place) });
  }
  const waits = row.registered !== null && row.places.length === 0 && row.state !== "downloading";
  if (waits) items.push({ label: a.download, icon: "download", onclick: effects.download });
  if (machines.length > 0) items.push({ label: a.copy, icon: "copy", onclick: effects.copy });
  if (machines.length > 0 || row.registered !== null)
    items.push({ label: a.delete, icon: "trash", danger: true, separated: true, onclick: effects.remove });
  return items;
}
