import createClient from "openapi-fetch";
import type { PathsWithMethod, ResponseObjectMap, SuccessResponse } from "openapi-typescript-helpers";
import { text } from "../text/shell";
import { ApiError, errorOf } from "./error";
import type { components, paths } from "./schema";
import { eventsOf, type ServerEvent } from "./sse";

export { ApiError } from "./error";
export type { ServerEvent } from "./sse";

/** A shape of the API by its name in /openapi.json: `Schema<"User">`. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

type Verb = "get" | "post" | "put" | "patch" | "delete";
type Path<M extends Verb> = PathsWithMethod<paths, M>;
type Operation<P extends keyof paths, M extends Verb> = M extends keyof paths[P]
  ? NonNullable<paths[P][M]>
  : never;
type Parameters_<Op> = Op extends { parameters: infer Given } ? Given : never;
type PathPart<Op> =
  Parameters_<Op> extends { path: infer Given extends object } ? { path: Given } : { path?: undefined };
type QueryPart<Op> =
  Parameters_<Op> extends { query?: infer Given } ? { query?: Given } : { query?: undefined };
type BodyPart<Op> = Op extends { requestBody: { content: { "application/json": infer Body } } }
  ? { body: Body }
  : { body?: unknown };
type Options<Op> = PathPart<Op> & QueryPart<Op> & BodyPart<Op> & { signal?: AbortSignal };
type Given<Op> = object extends Options<Op> ? [options?: Options<Op>] : [options: Options<Op>];

/** What a route answers when all is well. */
export type Answer<P extends keyof paths, M extends Verb = "get"> =
  Operation<P, M> extends infer Op extends Record<string | number, unknown>
    ? SuccessResponse<ResponseObjectMap<Op>, "application/json">
    : never;

/** Other 401s are about keys: of the request, or of a provider in the cloud. */
const SESSION_OVER = new Set(["missing_credentials", "invalid_token"]);

interface Wires {
  csrfToken: string | null;
  onSignedOut: () => void;
  /** Gets the token of the session anew: another window may have signed in since. */
  renew: () => Promise<void>;
}

/** What the session sets: the token of writes, and who wants to know that it has ended. */
export const wires: Wires = {
  csrfToken: null,
  onSignedOut: () => undefined,
  renew: () => Promise.resolve(),
};

const CSRF_REFUSED = "csrf_token_missing";

const client = createClient<paths>({ fetch: (request) => reach(request) });

function call<M extends Verb>(method: M) {
  return async <P extends Path<M>>(path: P, ...given: Given<Operation<P, M>>): Promise<Answer<P, M>> => {
    const { path: parameters, query, body, signal } = (given[0] ?? {}) as Options<never>;
    const send = client.request as unknown as (
      method: string,
      path: string,
      init: unknown,
    ) => Promise<{ data?: unknown; error?: unknown; response: Response }>;
    const { data, error, response } = await send(method, path as string, {
      params: { path: parameters, query },
      body,
      signal,
      headers: writeHeaders(),
    });
    if (!response.ok) throw failure(response, error);
    return data as Answer<P, M>;
  };
}

/** The node's HTTP API, typed by path. Every method throws ApiError. */
export const api = {
  get: call("get"),
  post: call("post"),
  put: call("put"),
  patch: call("patch"),
  delete: call("delete"),

  /** The events of a streamed answer: POST where there is a body, else GET. Throws ApiError. */
  async *stream(
    path: string,
    body?: unknown,
    { signal, headers }: { signal?: AbortSignal; headers?: Record<string, string> } = {},
  ): AsyncGenerator<ServerEvent, void, void> {
    yield* eventsOf(await api.raw(path, { body, signal, headers }));
  },

  /** Any answer as it is, for what is not JSON. Throws ApiError if it says no. */
  async raw(
    path: string,
    {
      body,
      signal,
      headers,
      method,
    }: { body?: unknown; signal?: AbortSignal; headers?: Record<string, string>; method?: string } = {},
  ): Promise<Response> {
    const form = body instanceof FormData;
    const response = await reach(
      new Request(path, {
        method: method ?? (body === undefined ? "GET" : "POST"),
        body: body === undefined ? undefined : form ? body : JSON.stringify(body),
        headers: {
          ...(body === undefined || form ? {} : { "content-type": "application/json" }),
          ...writeHeaders(),
          ...headers,
        },
        signal,
      }),
    );
    if (!response.ok) throw failure(response, await response.json().catch(() => null));
    return response;
  },
};

function writeHeaders(): Record<string, string> {
  return wires.csrfToken === null ? {} : { "x-csrf-token": wires.csrfToken };
}

/** Fetches; with the session's token anew where that has changed. */
async function reach(request: Request): Promise<Response> {
  const again = request.method === "GET" ? null : request.clone();
  const response = await attempt(request);
  if (response.status !== 403 || again === null) return response;
  const said = errorOf(
    403,
    await response
      .clone()
      .json()
      .catch(() => null),
    null,
    "",
  );
  if (said.code !== CSRF_REFUSED) return response;
  await wires.renew();
  for (const [name, value] of Object.entries(writeHeaders())) again.headers.set(name, value);
  return attempt(again);
}

async function attempt(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new ApiError(0, "unreachable", text.errors.unreachable);
  }
}

function failure(response: Response, body: unknown): ApiError {
  const error = errorOf(
    response.status,
    body,
    response.headers.get("retry-after"),
    text.errors.unknown(response.status),
  );
  if (SESSION_OVER.has(error.code) && !response.url.includes("/v0/auth/")) wires.onSignedOut();
  return error;
}
