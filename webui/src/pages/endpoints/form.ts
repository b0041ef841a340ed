import type { Answer, Schema } from "../../api/client";
import type { ApiError } from "../../api/error";
import type { Endpoint } from "./servers";

export type TestResult = Answer<"/v0/endpoints/test", "post">;

/** What stands in the dialog; numbers as they were typed. */
export interface EndpointForm {
  name: string;
  base_url: string;
  api_key: string;
  removeKey: boolean;
  type: string;
  health_check_interval_secs: string;
  inference_timeout_secs: string;
  weight: string;
  notes: string;
  enabled: boolean;
}

type NewEndpoint = Schema<"NewEndpoint">;
type Change = Schema<"ChangedEndpoint">;

export const EMPTY: EndpointForm = {
  name: "",
  base_url: "",
  api_key: "",
  removeKey: false,
  type: "",
  health_check_interval_secs: "30",
  inference_timeout_secs: "120",
  weight: "1",
  notes: "",
  enabled: true,
};

/** The dialog of an endpoint that is there. Its key is never shown. */
export function formOf(endpoint: Endpoint): EndpointForm {
  return {
    name: endpoint.name,
    base_url: endpoint.base_url,
    api_key: "",
    removeKey: false,
    type: endpoint.type_detected ? "" : (endpoint.type ?? ""),
    health_check_interval_secs: String(endpoint.health_check_interval_secs),
    inference_timeout_secs: String(endpoint.inference_timeout_secs),
    weight: String(endpoint.weight),
    notes: endpoint.notes ?? "",
    enabled: endpoint.enabled,
  };
}

export function creation(form: EndpointForm): NewEndpoint {
  return {
    name: form.name.trim() || suggestedName(form.base_url),
    base_url: form.base_url.trim(),
    api_key: form.api_key || null,
    type: (form.type || null) as NewEndpoint["type"],
    health_check_interval_secs: Number(form.health_check_interval_secs),
    inference_timeout_secs: Number(form.inference_timeout_secs),
    weight: Number(form.weight),
    notes: form.notes.trim() || null,
    enabled: form.enabled,
  };
}

/** Only what is another than before: what isn't named stays. */
export function change(form: EndpointForm, before: Endpoint): Change {
  const was = formOf(before);
  const changed: Record<string, unknown> = {};
  const made: Record<string, unknown> = { ...creation(form) };
  for (const key of Object.keys(made) as (keyof NewEndpoint)[])
    if (key !== "api_key" && form[key as keyof EndpointForm] !== was[key as keyof EndpointForm])
      changed[key] = made[key];
  if (form.removeKey) changed.api_key = null;
  else if (form.api_key) changed.api_key = form.api_key;
  return changed as Change;
}

/** A name for whoever gave none: the computer's. */
export function suggestedName(url: string): string {
  const rest = url.trim().replace(/^[a-z]+:\/\//i, "");
  return (rest.split(/[/?#]/)[0] ?? "").slice(0, 100);
}

/** The server's words at the field that they are about; "" where they are about none of these. */
export function fieldOf(error: ApiError, fields: readonly string[]): string {
  return error.param !== null && fields.includes(error.param) ? error.param : "";
}
