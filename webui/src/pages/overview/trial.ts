import { ApiError, errorOf } from "../../api/error";
import { text as shell } from "../../text/shell";

export interface Trial {
  answer: string;
  seconds: number;
  /** The machine that answered. */
  node: string;
}

interface Wanted {
  key: string;
  model: string;
  question: string;
  signal: AbortSignal;
}

const MOST_TOKENS = 48;

/** One chat with nothing but the key. Throws ApiError. */
export async function tryKey({ key, model, question, signal }: Wanted): Promise<Trial> {
  const begun = performance.now();
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    credentials: "omit",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      model,
      messages: [{ role: "user", content: question }],
      max_tokens: MOST_TOKENS,
    }),
    signal,
  }).catch((problem: unknown) => {
    if (signal.aborted) throw problem;
    throw new ApiError(0, "unreachable", shell.errors.unreachable);
  });
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok)
    throw errorOf(
      response.status,
      body,
      response.headers.get("retry-after"),
      shell.errors.unknown(response.status),
    );
  const said = body as { choices?: { message?: { content?: string | null } }[] };
  return {
    answer: (said.choices?.[0]?.message?.content ?? "").trim(),
    seconds: (performance.now() - begun) / 1000,
    node: response.headers.get("x-corral-node") ?? "?",
  };
}
