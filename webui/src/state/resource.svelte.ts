import { ApiError } from "../api/error";
import { text } from "../text/shell";

/** Something that is fetched. While it is fetched anew, `value` stays what it was. */
export class Resource<T> {
  value = $state.raw<T | undefined>(undefined);
  error = $state.raw<ApiError | undefined>(undefined);
  loading = $state(true);
  private turn = 0;

  constructor(private readonly fetch: () => Promise<T>) {
    void this.reload();
  }

  /** Fetch again; the latest call wins. */
  async reload(): Promise<void> {
    const turn = ++this.turn;
    this.loading = true;
    try {
      const value = await this.fetch();
      if (turn !== this.turn) return;
      this.value = value;
      this.error = undefined;
    } catch (error) {
      if (turn === this.turn) this.error = asApiError(error);
    } finally {
      if (turn === this.turn) this.loading = false;
    }
  }
}

/** Fetch something now, and again with `reload()`. */
export function resource<T>(fetch: () => Promise<T>): Resource<T> {
  return new Resource(fetch);
}

/** Whatever was thrown, as what pages show. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(0, "page", error instanceof Error ? error.message : text.errors.unknown(0));
}
