import { expect, it } from "vitest";
import { backOf } from "./back";

it.each([
  [null, "/dashboard"],
  ["/dashboard/models?q=x", "/dashboard/models?q=x"],
  ["/playground", "/playground"],
  ["/dashboard/sign-in", "/dashboard"],
  ["/dashboardelsewhere", "/dashboard"],
  ["//evil.example/dashboard", "/dashboard"],
  ["https://evil.example/dashboard", "/dashboard"],
  ["javascript:alert(1)", "/dashboard"],
])("%s leads to %s", (wanted, to) => expect(backOf(wanted)).toBe(to));
