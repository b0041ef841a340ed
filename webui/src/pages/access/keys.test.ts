import { describe, expect, it } from "vitest";
import {
  bodyOf,
  changesOf,
  formErrors,
  formOf,
  keyState,
  limitWords,
  newForm,
  shownKeys,
  type Key,
} from "./keys";

const NOW = Date.parse("2026-11-25T12:00:00Z");
const KEY: Key = {
  id: "1",
  name: "Notebook",
  key_prefix: "sk_abcde",
  scopes: ["api"],
  created_at: "2026-11-01T00:00:00Z",
  expires_at: null,
  revoked_at: null,
  last_used_at: null,
  requests_per_minute: null,
  requests_per_day: null,
  tokens_per_minute: null,
  tokens_per_day: null,
};

describe("the state of a key", () => {
  it.each([
    [KEY, "active"],
    [{ ...KEY, expires_at: "2027-11-25T12:00:00Z" }, "active"],
    [{ ...KEY, expires_at: "2026-11-26T12:00:00Z" }, "soon"],
    [{ ...KEY, expires_at: "2026-11-25T12:00:00Z" }, "expired"],
    [{ ...KEY, revoked_at: "2026-11-25T11:00:00Z", expires_at: "2027-01-01T00:00:00Z" }, "revoked"],
  ] as const)("%#: %s", (key, state) => {
    expect(keyState(key, NOW)).toBe(state);
  });
});

describe("the list", () => {
  const keys = [
    KEY,
    { ...KEY, id: "2", name: "Old", revoked_at: "2026-11-20T00:00:00Z" },
    { ...KEY, id: "3", name: "Robot", key_prefix: "sk_zzzzz" },
  ];
  it.each([
    ["", false, ["3", "1"]],
    ["", true, ["3", "2", "1"]],
    ["NOTE", true, ["1"]],
    ["sk_zz", false, ["3"]],
    ["old", false, []],
  ])("shows for %j, old ones %j: %j", (search, old, ids) => {
    expect(shownKeys(keys, search, old, NOW).map((key) => key.id)).toEqual(ids);
  });
});

describe("the form", () => {
  it("begins with a key for the models, for ever", () => {
    expect(bodyOf({ ...newForm(), name: " Robot " }, NOW)).toEqual({
      name: "Robot",
      scopes: ["api"],
      expires_at: null,
      requests_per_minute: null,
      requests_per_day: null,
      tokens_per_minute: null,
      tokens_per_day: null,
    });
  });

  it("counts presets from now", () => {
    expect(bodyOf({ ...newForm(), expiry: "30" }, NOW).expires_at).toBe("2026-12-25T12:00:00.000Z");
  });

  it("takes a date as local time, there and back", () => {
    const form = formOf({ ...KEY, expires_at: "2026-12-24T18:30:00Z" });
    expect(form.expiry).toBe("date");
    expect(bodyOf(form, NOW).expires_at).toBe("2026-12-24T18:30:00.000Z");
  });

  it("finds what can't be", () => {
    const form = newForm();
    form.scopes.api = false;
    form.expiry = "date";
    form.limits.tokens_per_day = "1.5";
    form.limits.requests_per_day = "0";
    expect(Object.keys(formErrors(form, NOW)).sort()).toEqual([
      "expires_at",
      "requests_per_day",
      "scopes",
      "tokens_per_day",
    ]);
    expect(formErrors(newForm(), NOW)).toEqual({});
  });

  it("lets an expired key be renamed", () => {
    const before = formOf({ ...KEY, expires_at: "2026-11-01T00:00:00Z" });
    expect(formErrors({ ...before, name: "Other" }, NOW, before)).toEqual({});
  });

  it("sends only what was changed", () => {
    const form = formOf({ ...KEY, expires_at: "2026-12-24T18:30:12Z", requests_per_day: 5 });
    const key = { ...KEY, expires_at: "2026-12-24T18:30:12Z", requests_per_day: 5 };
    expect(changesOf(form, key, NOW)).toEqual({});
    form.limits.requests_per_day = "";
    form.scopes.admin = true;
    expect(changesOf(form, key, NOW)).toEqual({ requests_per_day: null, scopes: ["api", "admin"] });
  });
});

it("says limits in words", () => {
  expect(limitWords({ ...KEY, requests_per_minute: 60, tokens_per_day: 1_000_000 })).toEqual([
    "60 requests/min",
    "1,000,000 tokens/day",
  ]);
});
