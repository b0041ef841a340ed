import type { Schema } from "../../api/client";
import { duration, number } from "../../format";
import { text } from "../../text/settings";

export type Setting = Schema<"OwnSetting">;
export type Value = Setting["value"];
export type Scope = "machine" | "cluster";

/** Settings of one subject. */
export interface Section {
  group: string;
  title: string;
  hint: string | undefined;
  settings: Setting[];
}

export interface Filter {
  scope: Scope;
  search: string;
  onlyChanged: boolean;
}

/** What is to be shown, in the order of the groups' titles; groups without a fitting setting are left out. */
export function sections(settings: readonly Setting[], filter: Filter): Section[] {
  return Object.entries(text.groups)
    .map(([group, title]) => ({
      group,
      title,
      hint: text.groupHints[group],
      settings: settings.filter((setting) => setting.group === group && fits(setting, filter)),
    }))
    .filter((section) => section.settings.length > 0);
}

function fits(setting: Setting, { scope, search, onlyChanged }: Filter): boolean {
  if (setting.cluster !== (scope === "cluster")) return false;
  if (onlyChanged && setting.source === "default" && !setting.restart_needed) return false;
  const words = search.trim().toLowerCase().split(/\s+/);
  const where =
    `${labelOf(setting)} ${setting.name} ${setting.help} ${text.groups[setting.group]}`.toLowerCase();
  return words.every((word) => where.includes(word));
}

export function labelOf(setting: Setting): string {
  return text.labels[setting.name] ?? setting.name.replaceAll("_", " ");
}

/** Why a setting can't be changed on this page; null: it can. */
export function lockOf(setting: Setting): string | null {
  if (setting.group === "first_start") return "first_start";
  if (setting.cluster) return null;
  if (!setting.in_file) return "in_file";
  return setting.source === "environment" || setting.source === "command line" ? setting.source : null;
}

/** A value as people read it. */
export function valueText(setting: Setting, value: Value): string {
  if (setting.secret) return setting.is_set ? text.value.set : text.value.notSet;
  if (typeof value === "boolean") return value ? text.value.on : text.value.off;
  if (value === null) return setting.optional ? text.value.noLimit : text.value.notSet;
  if (Array.isArray(value)) return value.length === 0 ? text.value.nothing : value.join(", ");
  if (typeof value === "string") return value;
  if (setting.form === "seconds") return duration(value);
  if (setting.form === "size")
    return sizeText(value) + (perSecond(setting) ? ` ${text.units.perSecond}` : "");
  if (setting.name.endsWith("_days")) return `${number(value)} ${text.units.days}`;
  return setting.name.endsWith("port") ? String(value) : number(value, 6);
}

/** The default in words; the server's where it is worked out at start. */
export function defaultText(setting: Setting): string {
  if (setting.secret || setting.default === null) return setting.default_text.replaceAll("`", "");
  return valueText(setting, setting.default);
}

/** What stands behind the field of a setting. */
export function unitOf(setting: Setting): string | null {
  if (setting.form === "seconds") return text.units.seconds;
  if (setting.name.endsWith("_days")) return text.units.days;
  return setting.form === "size" && perSecond(setting) ? text.units.perSecond : null;
}

/** What a person should know who types a value. */
export function hintOf(setting: Setting): string {
  if (setting.secret) return text.edit.secretHint;
  if (setting.form === "words" || setting.form === "paths") return text.edit.lines;
  const form =
    setting.form === "size" ? text.edit.size : text.edit.allowed(setting.allowed.replace(/, or "none"$/, ""));
  return setting.optional ? `${form}. ${text.edit.noLimitHint}` : form;
}

/** The text with which a field begins: what a restart brings, else what is in force. */
export function typedOf(setting: Setting): string {
  const value = setting.cluster ? setting.value : setting.next_value;
  if (value === null) return "";
  if (Array.isArray(value)) return value.join("\n");
  return setting.form === "size" && typeof value === "number" ? sizeText(value) : String(value);
}

/** What is sent for a typed text; numbers as they are typed, so that the server finds what is wrong with them. */
export function valueOf(setting: Setting, typed: string): Value {
  if (setting.form === "words" || setting.form === "paths")
    return typed
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  return typed.trim() === "" && setting.optional ? "none" : typed.trim();
}

/** The number of bytes as the server reads it, in the largest unit that says it exactly: 8589934592 → "8GiB". */
export function sizeText(bytes: number): string {
  for (const [base, infix] of [
    [1000, ""],
    [1024, "i"],
  ] as const) {
    for (const power of [4, 3, 2, 1]) {
      const many = bytes / base ** power;
      if (many >= 1 && Number.isInteger(many * 100)) return `${many}${"KMGT"[power - 1]}${infix}B`;
    }
  }
  return `${bytes}B`;
}

function perSecond(setting: Setting): boolean {
  return setting.name.endsWith("_per_s");
}

/** The table with one setting as the server answered it. */
export function replaced(
  settings: readonly Setting[],
  changed: Partial<Setting> & { name: string },
): Setting[] {
  return settings.map((setting) => (setting.name === changed.name ? { ...setting, ...changed } : setting));
}

/** Where the node answers after a restart; null: where it does now. */
export function addressAfterRestart(settings: readonly Setting[], here: Location | URL): string | null {
  const port = settings.find((setting) => setting.name === "port");
  if (port === undefined || !port.restart_needed || Number(port.next_value) === 0) return null;
  return `${here.protocol}//${here.hostname}:${port.next_value}/dashboard/settings`;
}
