import { expect, it } from "vitest";
import { pageOf } from "./pages";

it.each([
  ["/dashboard", "overview"],
  ["/dashboard/machines", "machines"],
  ["/dashboard/machines/RGAAB", "machines"],
  ["/dashboard/history/01a2", "history"],
  ["/playground", "playground"],
  ["/dashboard/settings/deeper", undefined],
  ["/dashboard/machinesx", undefined],
  ["/elsewhere", undefined],
])("%s is of %s", (path, id) => expect(pageOf(path)?.id).toBe(id));
