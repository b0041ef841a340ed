import jsQR from "jsqr";
import { describe, expect, it } from "vitest";
import { QUIET, qrCodeOf, type QrCode } from "./qr";

const SCALE = 4;

function drawn({ size, path }: QrCode): boolean[][] {
  const dark = Array.from({ length: size }, () => Array.from({ length: size }, () => false));
  for (const [, x, y, many] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g))
    for (let at = 0; at < Number(many); at += 1) dark[Number(y)]![Number(x) + at] = true;
  return dark;
}

function read(code: QrCode): string | undefined {
  const side = code.size * SCALE;
  const dark = drawn(code);
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let y = 0; y < side; y += 1)
    for (let x = 0; x < side; x += 1)
      if (dark[Math.floor(y / SCALE)]![Math.floor(x / SCALE)])
        pixels.fill(0, 4 * (y * side + x), 4 * (y * side + x) + 3);
  return jsQR(pixels, side, side)?.data;
}

describe("a QR code", () => {
  it.each([
    "http://corral.local:32768/v1",
    "http://192.168.178.120:32768/playground",
    "http://[2001:db8::1]:32768/v1",
  ])("of %s is read as such", (url) => expect(read(qrCodeOf(url))).toBe(url));

  it("has a quiet zone", () => {
    const dark = drawn(qrCodeOf("http://corral.local:32768/v1"));
    const edge = [
      ...dark.slice(0, QUIET).flat(),
      ...dark.slice(-QUIET).flat(),
      ...dark.flatMap((row) => [...row.slice(0, QUIET), ...row.slice(-QUIET)]),
    ];
    expect(edge.some(Boolean)).toBe(false);
  });
});
