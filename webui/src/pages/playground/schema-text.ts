import { text } from "../../text/playground";

const TYPES = new Set(["object", "array", "string", "number", "integer", "boolean", "null"]);
const SCHEMAS = ["items", "additionalProperties", "not"];
const LISTS = ["anyOf", "oneOf", "allOf", "prefixItems"];
const MAPS = ["properties", "$defs", "definitions", "patternProperties"];

/** What is wrong with the text of a JSON Schema; null: nothing that shows without asking the model. */
export function schemaProblem(source: string): string | null {
  if (source.trim() === "") return text.problems.schemaEmpty;
  let given: unknown;
  try {
    given = JSON.parse(source);
  } catch (error) {
    return text.problems.json(error instanceof Error ? error.message : "");
  }
  if (!isObject(given)) return text.problems.schemaObject;
  const wrapped = typeof given.name === "string" && isObject(given.schema);
  return problemAt(wrapped ? given.schema : given, "");
}

function problemAt(schema: unknown, at: string): string | null {
  if (typeof schema === "boolean") return null;
  if (!isObject(schema)) return text.problems.schemaPart(at || "/");
  const { type, required, enum: values, properties } = schema;
  for (const each of Array.isArray(type) ? type : type === undefined ? [] : [type])
    if (!TYPES.has(String(each))) return text.problems.schemaType(at || "/", String(each));
  if (values !== undefined && !Array.isArray(values)) return text.problems.schemaEnum(at || "/");
  if (required !== undefined) {
    if (!Array.isArray(required)) return text.problems.schemaRequired(at || "/", "");
    const known = isObject(properties) ? properties : {};
    const missing = required.find((name) => typeof name !== "string" || !(name in known));
    if (missing !== undefined) return text.problems.schemaRequired(at || "/", String(missing));
  }
  return problemBelow(schema, at);
}

function problemBelow(schema: Record<string, unknown>, at: string): string | null {
  const below: [string, unknown][] = SCHEMAS.filter((name) => name in schema).map((name) => [
    `${at}/${name}`,
    schema[name],
  ]);
  for (const name of LISTS) {
    if (!(name in schema)) continue;
    const list = schema[name];
    if (!Array.isArray(list)) return text.problems.schemaPart(`${at}/${name}`);
    list.forEach((each, index) => below.push([`${at}/${name}/${index}`, each]));
  }
  for (const name of MAPS) {
    if (!(name in schema)) continue;
    const map = schema[name];
    if (!isObject(map)) return text.problems.schemaPart(`${at}/${name}`);
    for (const [key, each] of Object.entries(map)) below.push([`${at}/${name}/${key}`, each]);
  }
  for (const [path, each] of below) {
    const problem = problemAt(each, path);
    if (problem !== null) return problem;
  }
  return null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
