import type { Schema } from "../../api/client";
import { number } from "../../format";
import { text } from "../../text/access";

export type Key = Schema<"ApiKey">;

export const SCOPES = ["api", "endpoints", "runtime", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

export const LIMITS = [
  "requests_per_minute",
  "requests_per_day",
  "tokens_per_minute",
  "tokens_per_day",
] as const;
export type Limit = (typeof LIMITS)[number];

export type KeyState = "active" | "soon" | "expired" | "revoked";

const DAY_MS = 86_400_000;
const SOON_MS = 7 * DAY_MS;

/** Whether a key is good at `now` (milliseconds), and for how long roughly. */
export function keyState(key: Key, now: number): KeyState {
  if (key.revoked_at !== null) return "revoked";
  if (key.expires_at === null) return "active";
  const left = Date.parse(key.expires_at) - now;
  if (left <= 0) return "expired";
  return left < SOON_MS ? "soon" : "active";
}

/** The keys to show, newest first. */
export function shownKeys(keys: readonly Key[], search: string, old: boolean, now: number): Key[] {
  const wanted = search.trim().toLowerCase();
  const fits = (key: Key) =>
    wanted === "" || key.name.toLowerCase().includes(wanted) || key.key_prefix.toLowerCase().includes(wanted);
  const counts = (key: Key) => old || !["expired", "revoked"].includes(keyState(key, now));
  return keys.filter((key) => counts(key) && fits(key)).reverse();
}

/** "60 requests/min, 1M tokens/day", in words of the page. */
export function limitWords(key: Key): string[] {
  return LIMITS.filter((limit) => key[limit] !== null).map((limit) =>
    text.keys.short[limit](number(key[limit])),
  );
}

/** What a person has typed about a key. Limits are text, "" for none. */
export interface KeyForm {
  name: string;
  scopes: Record<Scope, boolean>;
  expiry: string;
  expiryAt: string;
  limits: Record<Limit, string>;
}

export function newForm(): KeyForm {
  return {
    name: "",
    scopes: { api: true, endpoints: false, runtime: false, admin: false },
    expiry: "never",
    expiryAt: "",
    limits: { requests_per_minute: "", requests_per_day: "", tokens_per_minute: "", tokens_per_day: "" },
  };
}

export function formOf(key: Key): KeyForm {
  const form = newForm();
  for (const scope of SCOPES) form.scopes[scope] = key.scopes.includes(scope);
  for (const limit of LIMITS) form.limits[limit] = key[limit] === null ? "" : String(key[limit]);
  form.name = key.name;
  if (key.expires_at !== null) {
    form.expiry = "date";
    form.expiryAt = localTime(key.expires_at);
  }
  return form;
}

export type FormErrors = Partial<Record<"scopes" | "expires_at" | Limit, string>>;

/** What is wrong with a form, by field; the rest is for the server to say. `before`: the form as it was, of a key that is changed. */
export function formErrors(form: KeyForm, now: number, before?: KeyForm): FormErrors {
  const errors: FormErrors = {};
  if (!SCOPES.some((scope) => form.scopes[scope])) errors.scopes = text.keys.scopesMissing;
  const otherDate = form.expiry === "date" && form.expiryAt !== before?.expiryAt;
  if (otherDate && !(Date.parse(form.expiryAt) > now)) errors.expires_at = text.keys.expiryMissing;
  for (const limit of LIMITS) {
    const typed = form.limits[limit].trim();
    if (typed !== "" && !/^[1-9][0-9]{0,14}$/.test(typed)) errors[limit] = text.keys.limitWrong;
  }
  return errors;
}

type KeyBody = Schema<"NewApiKey-Input">;

/** The body of POST /v0/api-keys. */
export function bodyOf(form: KeyForm, now: number): KeyBody {
  const limits = Object.fromEntries(
    LIMITS.map((limit) => [limit, form.limits[limit].trim() === "" ? null : Number(form.limits[limit])]),
  ) as Record<Limit, number | null>;
  return {
    name: form.name.trim(),
    scopes: SCOPES.filter((scope) => form.scopes[scope]),
    expires_at: expiresAt(form, now),
    ...limits,
  };
}

/** Of a body only what differs from the key as it is: what somebody else changed meanwhile stays. */
export function changesOf(form: KeyForm, key: Key, now: number): Partial<KeyBody> {
  const before = bodyOf(formOf(key), now);
  const after = bodyOf(form, now);
  return Object.fromEntries(
    Object.entries(after).filter(
      ([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name as keyof KeyBody]),
    ),
  );
}

function expiresAt(form: KeyForm, now: number): string | null {
  if (form.expiry === "never") return null;
  if (form.expiry === "date") return new Date(form.expiryAt).toISOString();
  return new Date(now + Number(form.expiry) * DAY_MS).toISOString();
}

/** RFC 3339 → what an input of the type datetime-local wants, in local time. */
export function localTime(at: string): string {
  const date = new Date(at);
  const two = (part: number) => String(part).padStart(2, "0");
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}` +
    `T${two(date.getHours())}:${two(date.getMinutes())}`
  );
}
