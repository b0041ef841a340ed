import { bytes, duration } from "../../format";
import { text } from "../../text/models";
import { isUnderWay, type Copy } from "./catalogue";

const SHOWN_BYTES_PER_S = 1;

/** "1.2 GB of 4 GB · 12 MB/s · 4 min left". */
export function progressText(copy: Copy): string {
  const t = text.downloads;
  if (copy.state === "waiting" || copy.state === "verifying") return t.states[copy.state] ?? "";
  const parts = [t.of(bytes(copy.bytes_downloaded), bytes(copy.bytes_total))];
  if (copy.bytes_per_s >= SHOWN_BYTES_PER_S) {
    parts.push(t.speed(bytes(copy.bytes_per_s)));
    const left = (copy.bytes_total - copy.bytes_downloaded) / copy.bytes_per_s;
    parts.push(t.left(duration(Math.max(1, Math.round(left)))));
  }
  return parts.join(" · ");
}

/** Those that the page shows on top: what comes, and what failed. */
export function shownCopies(copies: readonly Copy[]): Copy[] {
  return copies.filter((copy) => isUnderWay(copy) || copy.state === "failed");
}
