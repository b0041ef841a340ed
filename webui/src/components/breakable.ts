const RUN = 200;
const LONG_RUN = new RegExp(`\\S{${RUN}}(?=\\S)`, "g");

/**
 * A text in pieces between which a line may break (`<wbr>`): browsers take minutes to wrap a word of 100,000 letters.
 * Put together again they are the same text.
 */
export function breakable(text: string): string[] {
  const pieces: string[] = [];
  let from = 0;
  for (const match of text.matchAll(LONG_RUN)) {
    const last = text.charCodeAt(match.index + RUN - 1);
    const pair = last >= 0xd800 && last < 0xdc00; // half of a character: the other half follows
    const to = match.index + RUN + (pair ? 1 : 0);
    pieces.push(text.slice(from, to));
    from = to;
  }
  return [...pieces, text.slice(from)];
}
