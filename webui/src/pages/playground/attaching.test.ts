import { expect, test } from "vitest";
import { fitted } from "./attaching";
import { wavOf } from "./wav";

test.each([
  [100, 50, 100, 50],
  [4000, 2000, 1568, 784],
  [1000, 8000, 196, 1568],
  [1, 100_000, 1, 1568],
])("a picture of %d × %d", (width, height, toWidth, toHeight) => {
  expect(fitted(width, height)).toEqual([toWidth, toHeight]);
});

test("a WAV file", () => {
  const file = new DataView(wavOf([new Float32Array([0, 1, -1]), new Float32Array([0, 1, -3])], 16_000));
  const word = (at: number) => String.fromCharCode(...new Uint8Array(file.buffer, at, 4));
  expect([word(0), word(8), word(12), word(36)]).toEqual(["RIFF", "WAVE", "fmt ", "data"]);
  expect(file.byteLength).toBe(44 + 6);
  expect([file.getUint32(24, true), file.getUint32(40, true)]).toEqual([16_000, 6]);
  expect([44, 46, 48].map((at) => file.getInt16(at, true))).toEqual([0, 32_767, -32_767]);
});
