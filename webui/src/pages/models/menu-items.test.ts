import { describe, expect, it } from "vitest";
import type { ModelRow, Place, Registered } from "./catalogue";
import { mainAction, menuItems, type Effects } from "./menu-items";

const nothing = () => undefined;
const effects: Effects = {
  open: nothing,
  load: nothing,
  unload: nothing,
  copy: nothing,
  remove: nothing,
  download: nothing,
};

function place(name: string, change: Partial<Place> = {}): Place {
  return { kind: "machine", id: name, name, online: true, state: "on_disk", ...change } as Place;
}

function row(places: Place[], registered: Registered | null = null): ModelRow {
  return { id: "gemma", places, registered, state: places.length > 0 ? "on_disk" : "pending" } as ModelRow;
}

const known = { name: "gemma" } as Registered;

describe("the button of a row", () => {
  it("loads or unloads where there is one machine", () => {
    expect(mainAction(row([place("anna")]))).toMatchObject({ kind: "load" });
    expect(mainAction(row([place("anna", { state: "loading" })]))).toMatchObject({ kind: "unload" });
    expect(mainAction(row([place("anna"), place("box", { kind: "endpoint" })]))).toMatchObject({
      kind: "load",
    });
  });

  it("is left to the menu where there are several", () => {
    expect(mainAction(row([place("anna"), place("bert")]))).toBeNull();
  });

  it("downloads what nobody has", () => {
    expect(mainAction(row([], known))).toEqual({ kind: "download" });
    expect(mainAction({ ...row([], known), state: "downloading" })).toBeNull();
  });
});

describe("the menu", () => {
  const labels = (of: ModelRow) => menuItems(of, effects).map((item) => item.label);

  it("names the machines", () => {
    expect(labels(row([place("anna"), place("bert", { state: "loaded" })]))).toEqual([
      "Details",
      "Load on anna",
      "Unload from bert",
      "Copy to a machine …",
      "Delete …",
    ]);
  });

  it("can do nothing with what is elsewhere", () => {
    expect(labels(row([place("box", { kind: "endpoint" })]))).toEqual(["Details"]);
    expect(labels(row([place("anna", { online: false })]))).toEqual(["Details"]);
  });

  it("takes what nobody has off the list", () => {
    expect(labels(row([], known))).toEqual(["Details", "Download", "Delete …"]);
  });
});
