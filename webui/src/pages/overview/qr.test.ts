import { encode } from "uqr";
import { describe, expect, it } from "vitest";
import { QUIET, qrCodeOf } from "./qr";

describe("a QR code", () => {
  it("has the modules of the code, within a quiet zone", () => {
    const text = "http://corral.local:32768/v1";
    const drawn = qrCodeOf(text);
    const { data } = encode(text, { ecc: "M", border: QUIET });
    const dark = data.map((row) => row.map(() => false));
    for (const [, x, y, many] of drawn.path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g))
      for (let at = 0; at < Number(many); at += 1) dark[Number(y)]![Number(x) + at] = true;
    expect(dark).toEqual(data);
    expect(drawn.size).toBe(data.length);
    expect(dark.slice(0, QUIET).flat().some(Boolean)).toBe(false);
    expect(dark.some((row) => row.slice(0, QUIET).some(Boolean))).toBe(false);
  });
});
