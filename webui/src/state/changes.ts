import { live } from "./live.svelte";

/** Call `changed` when somebody has changed something below one of these paths; returns what ends that. */
export function onChange(paths: readonly string[], changed: () => unknown): () => void {
  return live.on("config", (data) => {
    const path = (data as { path?: string }).path ?? "";
    if (paths.some((each) => path.startsWith(each))) changed();
  });
}
