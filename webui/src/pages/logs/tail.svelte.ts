import { api, type ApiError } from "../../api/client";
import { asApiError } from "../../state/resource.svelte";
import { merged, sinceOf, type Entry, type Line } from "./lines";

type Level = "debug" | "info" | "warning" | "error";

/** Whose log, and what of it. Without a machine: of the one that this page comes from. */
export interface Wanted {
  machine: string;
  level: string;
  requestId: string;
}

const FIRST = 1_000;
const MOST = 5_000;

/** The newest entries of a log; `catchUp` adds what came since. */
export class Tail {
  lines = $state.raw<readonly Line[]>([]);
  error = $state.raw<ApiError | null>(null);
  loaded = $state(false);

  constructor(private readonly wanted: Wanted) {}

  /** Fetch what is new. Never throws: `error` says what went wrong. */
  async catchUp(): Promise<void> {
    try {
      const entries = await entriesOf(this.wanted, FIRST, sinceOf(this.lines));
      this.lines = merged(this.lines, entries);
      this.error = null;
      this.loaded = true;
    } catch (error) {
      this.error = asApiError(error);
    }
  }

  /** As much as can be had, for a file. Throws ApiError. */
  all(): Promise<Entry[]> {
    return entriesOf(this.wanted, MOST);
  }
}

async function entriesOf(
  { machine, level, requestId }: Wanted,
  most: number,
  since?: string,
): Promise<Entry[]> {
  const query = {
    level: (level || undefined) as Level | undefined,
    request_id: requestId || undefined,
    since,
  };
  const answer =
    machine === ""
      ? await api.get("/v0/dashboard/logs/router", { query: { ...query, limit: most } })
      : await api.get("/v0/runtimes/{id}/logs", { path: { id: machine }, query: { ...query, tail: most } });
  return answer.entries;
}
