import { describe, expect, it } from "vitest";
import { ApiError } from "../../api/error";
import { change, creation, EMPTY, fieldOf, formOf, suggestedName } from "./form";
import type { Endpoint } from "./servers";

const endpoint = {
  id: "e1",
  name: "upstairs",
  base_url: "http://10.0.0.2:11434",
  type: "ollama",
  type_detected: true,
  has_api_key: true,
  enabled: true,
  health_check_interval_secs: 30,
  inference_timeout_secs: 120,
  weight: 1,
  notes: null,
} as Endpoint;

describe("the dialog of an endpoint", () => {
  it("names a new one after its computer if nobody names it", () => {
    expect(creation({ ...EMPTY, base_url: " http://10.0.0.2:1234/v1 " })).toMatchObject({
      name: "10.0.0.2:1234",
      base_url: "http://10.0.0.2:1234/v1",
      api_key: null,
      type: null,
      weight: 1,
      notes: null,
    });
  });

  it("sends only what was changed", () => {
    const form = formOf(endpoint);
    expect(change(form, endpoint)).toEqual({});
    expect(change({ ...form, weight: "2", notes: "new" }, endpoint)).toEqual({ weight: 2, notes: "new" });
    expect(change({ ...form, type: "vllm" }, endpoint)).toEqual({ type: "vllm" });
  });

  it("keeps the key unless it is replaced or removed", () => {
    const form = formOf(endpoint);
    expect(change({ ...form, api_key: "k" }, endpoint)).toEqual({ api_key: "k" });
    expect(change({ ...form, removeKey: true }, endpoint)).toEqual({ api_key: null });
  });

  it.each([
    ["http://nas.local:8080/v1", "nas.local:8080"],
    ["nas.local", "nas.local"],
    ["", ""],
  ])("suggests a name for %j", (url, name) => {
    expect(suggestedName(url)).toBe(name);
  });

  it("shows an error at its field", () => {
    const error = new ApiError(400, "duplicate_name", "taken", "name");
    expect(fieldOf(error, ["name", "base_url"])).toBe("name");
    expect(fieldOf(error, ["base_url"])).toBe("");
  });
});
