/** A stretch of a text: code between fences, Markdown, or what is too long to be read as Markdown. */
export interface Stretch {
  kind: "code" | "markdown" | "plain";
  /** All of it. The stretches of a text are the text. */
  raw: string;
  /** Of code: what stands between the fences, and what its first one says. */
  code: string;
  info: string;
  /** Nothing that follows changes it. */
  closed: boolean;
}

interface Fence {
  mark: string;
  info: string;
  from: number;
  codeFrom: number;
}

const OPENING = /^(`{3,}|~{3,})([^`\r\n]*)\r?\n?$/;
const MARKED = /^[ \t]{0,8}(?:\||[-*+][ \t]|\d{1,9}[.)][ \t])/;
const NESTED = /^(?:[ \t]{0,8}(?:>|[-*+][ \t]|\d{1,9}[.)][ \t])){24}/;
const LONGEST_LINE = 2_000;
const MOST_COST = 8_000;

/**
 * Cuts a text at its top-level fences, and takes out what parsers need seconds or minutes for: paragraphs of hundreds
 * of lines, lines of ten thousands of characters, quotations in quotations without end.
 */
export function stretchesOf(source: string): Stretch[] {
  const cutter = new Cutter(source);
  let at = 0;
  while (at < source.length) {
    const end = source.indexOf("\n", at) + 1 || source.length;
    cutter.line(source.slice(at, end), at, end);
    at = end;
  }
  return cutter.ended();
}

class Cutter {
  private readonly found: Stretch[] = [];
  private fence: Fence | null = null;
  private textFrom = 0;
  private runFrom = 0;
  private cost = 0;

  constructor(private readonly source: string) {}

  line(line: string, from: number, to: number): void {
    if (this.fence !== null) {
      if (closes(line, this.fence.mark)) this.codeEnds(from, to, true);
      return;
    }
    const opening = OPENING.exec(line);
    if (opening !== null) {
      this.runEnds(from);
      this.textEnds(from);
      this.fence = { mark: opening[1]!, info: opening[2]!.trim(), from, codeFrom: to };
    } else if (line.trim() === "") {
      this.runEnds(from);
      this.runFrom = to;
    } else {
      this.cost += costOf(line);
    }
  }

  ended(): Stretch[] {
    const to = this.source.length;
    if (this.fence !== null) this.codeEnds(to, to, false);
    this.runEnds(to);
    this.textEnds(to);
    return this.found;
  }

  /** A run of lines without an empty one. */
  private runEnds(to: number): void {
    if (this.cost > MOST_COST) {
      this.textEnds(this.runFrom);
      this.add("plain", this.runFrom, to, to < this.source.length);
      this.textFrom = to;
    }
    this.runFrom = to;
    this.cost = 0;
  }

  private textEnds(to: number): void {
    if (to > this.textFrom) this.add("markdown", this.textFrom, to, false);
    this.textFrom = to;
  }

  private codeEnds(codeTo: number, to: number, closed: boolean): void {
    const { from, codeFrom, info } = this.fence!;
    const code = this.source.slice(codeFrom, codeTo).replace(/\r?\n$/, "");
    this.found.push({ kind: "code", raw: this.source.slice(from, to), code, info, closed });
    this.fence = null;
    this.textFrom = this.runFrom = to;
  }

  private add(kind: "markdown" | "plain", from: number, to: number, closed: boolean): void {
    this.found.push({ kind, raw: this.source.slice(from, to), code: "", info: "", closed });
  }
}

function closes(line: string, mark: string): boolean {
  const closing = line.trim();
  return (
    closing.length >= mark.length && closing === mark[0]!.repeat(closing.length) && !/^(?: {4}|\t)/.test(line)
  );
}

/** Rows of tables and lists are read one by one, and cost little. */
function costOf(line: string): number {
  if (NESTED.test(line)) return MOST_COST + 1;
  if (line.length > LONGEST_LINE) return line.length;
  return MARKED.test(line) ? line.length / 20 : line.length;
}
