import { expect, it } from "vitest";
import { hostOf } from "./peer-address";

it.each([
  ["192.168.1.20:32769", "192.168.1.20"],
  ["[fd00::2]:32769", "[fd00::2]"],
  ["[fe80::1]:32769", null],
  ["", null],
])("%s → %s", (address, host) => {
  expect(hostOf(address)).toBe(host);
});
