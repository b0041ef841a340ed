import { encode } from "uqr";

/** Light modules around it, as ISO/IEC 18004 asks for. */
export const QUIET = 4;

export interface QrCode {
  /** Modules on a side, quiet zone included. */
  size: number;
  /** An SVG path of the dark modules. */
  path: string;
}

/** The QR code of a text. */
export function qrCodeOf(content: string): QrCode {
  const { data, size } = encode(content, { ecc: "M", border: QUIET });
  const runs = data.flatMap((row, y) => runsOf(row).map(([x, many]) => `M${x} ${y}h${many}v1h-${many}z`));
  return { size, path: runs.join("") };
}

function runsOf(row: readonly boolean[]): [number, number][] {
  const runs: [number, number][] = [];
  row.forEach((dark, x) => {
    const last = runs[runs.length - 1];
    if (!dark) return;
    if (last !== undefined && last[0] + last[1] === x) last[1] += 1;
    else runs.push([x, 1]);
  });
  return runs;
}
