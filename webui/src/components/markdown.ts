import { Lexer, Marked, type Token } from "marked";
import { text } from "../text/shell";
import { stretchesOf, type Stretch } from "./markdown-pieces";

/** A part of a text: code as it is, or what the browser may show as HTML once it is cleaned. */
export type Block = { kind: "code"; language: string; code: string } | { kind: "html"; html: string };

/** Tags that a text may have itself, without attributes. */
const ALLOWED = /^<(\/?)(br|sub|sup|kbd|b|i|em|strong|s|u|mark)\s*\/?>$/i;
const TAG = /<\/?[a-z][^<>]{0,20}>/gi;
const LONGEST_NUMBER = 12; // of an item of a list, with what is around it
const LANGUAGE = /^[\w+#.-]{1,20}$/;

const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    html: ({ text: raw }) => tagsOnly(raw),
    link({ href, tokens }) {
      const inside = this.parser.parseInline(tokens);
      return isSafe(href) ? link(href, inside) : inside;
    },
    image: ({ href, text: alt }) => {
      const name = escaped(alt || text.markdown.picture);
      return isSafe(href) ? link(href, `${name}${escaped(text.markdown.elsewhere)}`) : name;
    },
    code: ({ text: code, lang }) => nestedCode(code, languageOf(lang)),
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
  },
});

/** HTML of Markdown that anybody may have written: it has no scripts, no handlers and no pictures. */
export function htmlOf(source: string): string {
  try {
    return marked.parse(source, { async: false });
  } catch {
    return plain(source); // nested too deep
  }
}

/** Markdown that grows at its end: what can't change any more is read once. */
export class GrowingMarkdown {
  private settled: Block[] = [];
  private settledTo = 0;
  private source = "";

  /** The parts of a text. Cheap if it is the text of before with more at its end. */
  update(source: string): readonly Block[] {
    if (!source.startsWith(this.source)) {
      this.settled = [];
      this.settledTo = 0;
    }
    this.source = source;
    const pieces = stretchesOf(source.slice(this.settledTo)).flatMap(piecesOf);
    const open = openFrom(pieces);
    for (const piece of pieces.slice(0, open)) {
      this.settledTo += piece.raw.length;
      if (piece.shown) this.settled.push(piece.block());
    }
    const growing = pieces.slice(open).filter((piece) => piece.shown);
    return [...this.settled, ...growing.map((piece) => piece.block())];
  }
}

/** The parts of a text that doesn't grow. */
export function blocksOf(source: string): readonly Block[] {
  return new GrowingMarkdown().update(source);
}

/** A part before it is made a block. What isn't shown is empty lines. */
interface Piece {
  raw: string;
  shown: boolean;
  block: () => Block;
}

/** Which pieces may still change: the last one, and the one before while this may become one more item of its list. */
function openFrom(pieces: readonly Piece[]): number {
  const last = pieces.findLastIndex((piece) => piece.shown);
  const begun = pieces[last]?.raw.trimStart() ?? "";
  if (last < 1 || begun.length > LONGEST_NUMBER || begun.includes("\n")) return Math.max(0, last);
  return Math.max(
    0,
    pieces.findLastIndex((piece, at) => piece.shown && at < last),
  );
}

function piecesOf(stretch: Stretch): Piece[] {
  const { raw, kind } = stretch;
  if (kind === "code") {
    const language = languageOf(stretch.info);
    return [{ raw, shown: true, block: () => ({ kind: "code", language, code: stretch.code }) }];
  }
  if (kind === "plain") return [plainPiece(raw)];
  const tokens = tokensOf(raw);
  const whole = tokens.reduce((length, token) => length + token.raw.length, 0) === raw.length;
  return whole ? tokens.map(pieceOf) : [plainPiece(raw)];
}

function tokensOf(source: string): Token[] {
  try {
    return new Lexer({ gfm: true }).blockTokens(source, []);
  } catch {
    return []; // nested too deep
  }
}

function pieceOf(token: Token): Piece {
  const shown = token.type !== "space" && token.type !== "def";
  return { raw: token.raw, shown, block: () => ({ kind: "html", html: htmlOf(token.raw) }) };
}

function plainPiece(raw: string): Piece {
  return { raw, shown: true, block: () => ({ kind: "html", html: plain(raw) }) };
}

/** A code block inside a list or a quotation; `[data-copy]` copies what stands beside it. */
function nestedCode(code: string, language: string): string {
  const button = `<button type="button" data-copy>${escaped(text.actions.copy)}</button>`;
  const head = `<figcaption><span>${escaped(language)}</span>${button}</figcaption>`;
  return `<figure class="code">${head}<pre tabindex="0"><code>${escaped(code)}</code></pre></figure>`;
}

function languageOf(info: string | undefined): string {
  const word = (info ?? "").trim().split(/\s/)[0] ?? "";
  return LANGUAGE.test(word) ? word : "";
}

function tagsOnly(raw: string): string {
  let html = "";
  let at = 0;
  for (const { 0: tag, index } of raw.matchAll(TAG)) {
    html += escaped(raw.slice(at, index)) + (ALLOWED.test(tag) ? tag : escaped(tag));
    at = index + tag.length;
  }
  return html + escaped(raw.slice(at));
}

function isSafe(href: string): boolean {
  return /^(https?:\/\/|mailto:)[^\s]/i.test(href);
}

function link(href: string, inside: string): string {
  return `<a href="${escaped(href)}" target="_blank" rel="noopener noreferrer">${inside}</a>`;
}

function plain(source: string): string {
  return `<p class="plain">${escaped(source)}</p>`;
}

function escaped(raw: string): string {
  return raw
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}
