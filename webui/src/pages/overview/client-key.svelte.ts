import { api } from "../../api/client";
import { asApiError } from "../../state/resource.svelte";
import { text } from "../../text/overview";

const UNLIMITED = {
  expires_at: null,
  requests_per_minute: null,
  requests_per_day: null,
  tokens_per_minute: null,
  tokens_per_day: null,
};

/** An API key for a client that is being set up: it is known here only, and only once. */
export class ClientKey {
  /** What the next one will be called. */
  name = $state("");
  value = $state<string | null>(null);
  madeFor = $state("");
  busy = $state(false);
  error = $state<string | null>(null);

  /** Whether there is one now; `error` says why not. */
  async make(): Promise<boolean> {
    this.busy = true;
    this.error = null;
    const name = this.name.trim() || text.connect.keyPlaceholder;
    try {
      const made = await api.post("/v0/api-keys", { body: { ...UNLIMITED, name, scopes: ["api"] } });
      this.value = made.key;
      this.madeFor = name;
      this.name = "";
      return true;
    } catch (problem) {
      this.error = asApiError(problem).message;
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** Another one is wanted. */
  forget(): void {
    this.value = null;
  }
}
