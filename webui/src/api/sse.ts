/** One event of a stream of server-sent events. */
export interface ServerEvent {
  kind: string;
  data: string;
  id: string | null;
}

/** Cuts pieces of text into events (HTML standard, 9.2.6). Comments go to `comment`; empty events are left out. */
export class EventParser {
  private rest = "";

  constructor(private readonly comment: (said: string) => void = () => undefined) {}

  push(text: string): ServerEvent[] {
    const blocks = (this.rest + text).split(/\r?\n\r?\n/);
    this.rest = blocks.pop() ?? "";
    return blocks.map((block) => eventOf(block, this.comment)).filter((event) => event !== null);
  }
}

function eventOf(block: string, comment: (said: string) => void): ServerEvent | null {
  const data: string[] = [];
  let kind = "message";
  let id: string | null = null;
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (colon === 0) comment(value);
    else if (name === "data") data.push(value);
    else if (name === "event") kind = value;
    else if (name === "id") id = value;
  }
  return data.length === 0 ? null : { kind, data: data.join("\n"), id };
}

/**
 * The events of an answer, as they come; its comments go to `comment`. Ends when the answer does; throws when the
 * connection breaks.
 */
export async function* eventsOf(
  response: Response,
  comment?: (said: string) => void,
): AsyncGenerator<ServerEvent, void, void> {
  const reader = response.body!.getReader();
  const parser = new EventParser(comment);
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
