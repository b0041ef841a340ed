const HEADER_BYTES = 44;
const SAMPLE_BYTES = 2;

/** A WAV file (RIFF, PCM, 16 bits, one channel) of samples from -1 to 1; channels of the same length are mixed. */
export function wavOf(channels: readonly Float32Array[], rate: number): ArrayBuffer {
  const count = channels[0]?.length ?? 0;
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + count * SAMPLE_BYTES));
  word(view, 0, "RIFF");
  view.setUint32(4, view.byteLength - 8, true);
  word(view, 8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * SAMPLE_BYTES, true);
  view.setUint16(32, SAMPLE_BYTES, true);
  view.setUint16(34, 8 * SAMPLE_BYTES, true);
  word(view, 36, "data");
  view.setUint32(40, count * SAMPLE_BYTES, true);
  for (let at = 0; at < count; at += 1) {
    const sum = channels.reduce((total, channel) => total + (channel[at] ?? 0), 0) / channels.length;
    view.setInt16(HEADER_BYTES + at * SAMPLE_BYTES, Math.max(-1, Math.min(1, sum)) * 0x7fff, true);
  }
  return view.buffer as ArrayBuffer;
}

function word(view: DataView, at: number, letters: string): void {
  for (let index = 0; index < letters.length; index += 1)
    view.setUint8(at + index, letters.charCodeAt(index));
}
