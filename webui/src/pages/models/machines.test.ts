import { expect, it } from "vitest";
import type { Schema } from "../../api/client";
import type { ModelRow, Place, Registered } from "./catalogue";
import { lacking, removalChoices, removalMessage } from "./machines";

function row(names: string[], registered: Registered | null = null): ModelRow {
  const places = names.map(
    (name) => ({ kind: "machine", id: name.toUpperCase(), name, online: true }) as Place,
  );
  return { id: "gemma", places, registered } as ModelRow;
}

const known = { name: "gemma" } as Registered;

it("offers machines that are on and lack the model", () => {
  const nodes = ["A", "B", "C"].map((id) => ({ id, name: id, online: id !== "C" }) as Schema<"Node">);
  expect(lacking(row(["a"]), nodes).map((node) => node.id)).toEqual(["B"]);
});

it.each([
  [row(["anna"]), ["ANNA"]],
  [row(["anna"], known), ["", "ANNA"]],
  [row(["anna", "bert"]), ["", "ANNA", "BERT"]],
  [row([], known), [""]],
])("lets people choose from where", (of, values) => {
  expect(removalChoices(of).map((choice) => choice.value)).toEqual(values);
});

it("says from which machines files go", () => {
  expect(removalMessage(row(["anna", "bert"]), "", "4 GB")).toContain("(4 GB) are removed from anna, bert.");
  expect(removalMessage(row(["anna", "bert"]), "BERT", "4 GB")).toContain("from bert.");
  expect(removalMessage(row([], known), "", "4 GB")).toContain("No machine has its files");
});
