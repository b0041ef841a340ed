import { expect, it } from "vitest";
import { settingsAddress } from "./machines";

it.each([
  [
    { online: true, addresses: ["[fe80::2]:32769", "10.0.0.2:32769", "10.1.0.2:32769"], http_port: 32768 },
    "http://10.0.0.2:32768/dashboard/settings",
  ],
  [{ online: true, addresses: ["[fd00::2]:32769"], http_port: 80 }, "http://[fd00::2]:80/dashboard/settings"],
  [{ online: false, addresses: ["10.0.0.2:32769"], http_port: 32768 }, null],
  [{ online: true, addresses: [], http_port: 32768 }, null],
  [{ online: true, addresses: ["10.0.0.2:32769"], http_port: null }, null],
])("%j → %s", (node, address) => {
  expect(settingsAddress(node)).toBe(address);
});
