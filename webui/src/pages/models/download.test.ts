import { expect, it } from "vitest";
import type { Copy } from "./catalogue";
import { progressText, shownCopies } from "./download";

const copy: Copy = {
  id: "c",
  model: "owl",
  node: { id: "A", name: "anna" },
  state: "fetching",
  percent: 25,
  bytes_downloaded: 1024 ** 3,
  bytes_total: 4 * 1024 ** 3,
  sources: 1,
  bytes_per_s: 1024 ** 2,
  error: null,
  note: null,
};

it("tells how far it is, how fast, and how long it takes", () => {
  expect(progressText(copy)).toBe("1 GB of 4 GB · 1 MB/s · 51 min 12 s left");
  expect(progressText({ ...copy, bytes_per_s: 0 })).toBe("1 GB of 4 GB");
  expect(progressText({ ...copy, state: "verifying" })).toBe("Checking");
});

it("shows what comes and what failed", () => {
  const states = ["waiting", "fetching", "verifying", "done", "failed", "cancelled"] as const;
  const shown = shownCopies(states.map((state) => ({ ...copy, state })));
  expect(shown.map((each) => each.state)).toEqual(["waiting", "fetching", "verifying", "failed"]);
});
