import { expect, it } from "vitest";
import { cleaned, isOurPage, queryText } from "./address";

it.each([
  ["/dashboard", true],
  ["/dashboard/machines/x", true],
  ["/playground", true],
  ["/dashboard/assets/index.js", false],
  ["/dashboardx", false],
  ["/v1/models", false],
  ["/", false],
])("%s is a page: %s", (path, is) => expect(isOurPage(path)).toBe(is));

it("knows a path with and without a slash at its end", () => {
  expect(["/dashboard/", "/dashboard", "/"].map(cleaned)).toEqual(["/dashboard", "/dashboard", "/"]);
});

it("leaves out of an address what is empty", () => {
  expect(queryText({ q: "a b&c", model: "", user: null, page: undefined, tab: "keys" })).toBe(
    "q=a+b%26c&tab=keys",
  );
});
