import { expect, it } from "vitest";
import { logText } from "./log-text";

it("puts time, level and words first", () => {
  const entries = [
    { port: 81, event: "listens", level: "info", timestamp: "12:00" },
    { message: "failed", error: { code: 3 } },
  ];
  expect(logText(entries)).toBe('12:00 info listens port=81\nfailed error={"code":3}');
});
