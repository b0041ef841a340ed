import { api } from "../../api/client";
import { count, duration } from "../../format";
import { toast } from "../../state/toasts.svelte";
import { text } from "../../text/endpoints";
import type { TestResult } from "./form";
import type { Endpoint } from "./servers";

/** Ask an endpoint now, and say what it answered. Never throws; undefined: it could not be asked. */
export async function testEndpoint(endpoint: Endpoint): Promise<TestResult | undefined> {
  try {
    const found = await api.post("/v0/endpoints/{id}/test", { path: { id: endpoint.id } });
    if (found.success) {
      const latency = duration((found.latency_ms ?? 0) / 1000);
      toast.ok(text.said.tested(endpoint.name, latency, count(found.models_found, "model")));
    } else toast.error(text.said.testFailed(endpoint.name, found.error ?? ""));
    return found;
  } catch (error) {
    toast.error(error);
    return undefined;
  }
}

/** Take over an endpoint's list of models, and say what is new. Never throws. */
export async function syncEndpoint(endpoint: Endpoint): Promise<boolean> {
  try {
    const done = await api.post("/v0/endpoints/{id}/sync", { path: { id: endpoint.id } });
    const changes = text.said.syncChanges(done.added.length, done.removed.length, done.updated.length);
    toast.ok(text.said.synced(endpoint.name, count(done.synced_models, "model"), ` (${changes})`));
    return true;
  } catch (error) {
    toast.error(error);
    return false;
  }
}
