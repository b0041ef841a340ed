/** An answer that says no, or none at all. `message` is written for people. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0: the node can't be reached. */
    readonly status: number,
    readonly code: string,
    message: string,
    readonly param: string | null = null,
    readonly retryAfterS: number | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

interface Said {
  message?: unknown;
  code?: unknown;
  type?: unknown;
  param?: unknown;
}

/** The error that an answer's body tells of, in OpenAI's shape; `fallback` where it tells nothing. */
export function errorOf(
  status: number,
  body: unknown,
  retryAfter: string | null,
  fallback: string,
): ApiError {
  const error: Said = (body as { error?: Said } | null | undefined)?.error ?? {};
  const retryAfterS = retryAfter !== null && /^\d+$/.test(retryAfter) ? Number(retryAfter) : null;
  return new ApiError(
    status,
    typeof error.code === "string" ? error.code : String(error.type ?? "unknown"),
    typeof error.message === "string" ? error.message : fallback,
    typeof error.param === "string" ? error.param : null,
    retryAfterS,
  );
}
