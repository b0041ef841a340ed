import { expect, it } from "vitest";
import { wayHere } from "./wire";

it.each([
  ["http:", "localhost", "local"],
  ["http:", "127.0.0.1", "local"],
  ["http:", "[::1]", "local"],
  ["http:", "corral.local", "plain"],
  ["http:", "192.168.1.20", "plain"],
  ["https:", "192.168.1.20", "encrypted"],
])("%s//%s is %s", (protocol, hostname, way) => {
  expect(wayHere({ protocol, hostname })).toBe(way);
});
