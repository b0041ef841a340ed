import type { ApiError } from "../api/error";
import { asApiError } from "./resource.svelte";

/** Something that somebody asks for with a button: `busy` while it goes on, `error` when it failed, until it is tried again. */
export class Attempt {
  busy = $state(false);
  error = $state.raw<ApiError | null>(null);

  async run(action: () => Promise<unknown>): Promise<void> {
    this.busy = true;
    this.error = null;
    try {
      await action();
    } catch (problem) {
      this.error = asApiError(problem);
    } finally {
      this.busy = false;
    }
  }
}
