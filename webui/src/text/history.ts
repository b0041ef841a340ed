/** Texts of the page "History". */
interface Meaning {
  title: string;
  means: string;
}

export const text = {
  title: "History",
  lead: "Every request: who asked what, which machine answered, and what went wrong.",
  caption: "Requests, the latest first",
  columns: {
    time: "Time",
    who: "Who",
    model: "Model",
    answeredBy: "Answered by",
    by: "by",
    in: "in",
    status: "Status",
    tokens: "Tokens",
    duration: "Duration",
    firstToken: "First token",
  },
  nobody: "nobody",
  noModel: "no model",
  who: {
    api_key: "API key",
    session: "User",
    this_machine: "This machine",
    loopback: "Program on this machine",
    runtime: "Runtime",
  } as Record<string, string>,
  tokensOf: (prompt: string, completion: string) => `${prompt} in, ${completion} out`,
  outcomes: {
    ok: "Answered",
    refused: "Refused",
    failed: "Failed",
    cancelled: "Client left",
  } as Record<string, string>,
  filters: {
    label: "Filters",
    show: (count: number) => (count > 0 ? `Filters (${count})` : "Filters"),
    search: "Search in questions and answers",
    failedOnly: "Failed only",
    clear: "Clear filters",
    time: "Time",
    model: "Model",
    runtime: "Machine",
    endpoint: "Endpoint",
    user: "Who",
    status: "Status",
    start: "From",
    end: "Until",
    all: {
      time: "Any time",
      model: "All models",
      runtime: "All machines",
      endpoint: "All endpoints",
      user: "Everybody",
      status: "Any status",
    },
    ranges: {
      "15m": "Last 15 minutes",
      "1h": "Last hour",
      "24h": "Last 24 hours",
      "7d": "Last 7 days",
      own: "From … until …",
    } as Record<string, string>,
    statuses: {
      error: "Failed or refused",
      failed: "Failed (5xx, or broke off)",
      refused: "Refused (4xx)",
      cancelled: "Client left before the end",
      ok: "Answered",
    } as Record<string, string>,
    choice: (name: string, requests: string) => `${name} (${requests})`,
    perPage: "Rows on a page",
    rows: (count: string) => `${count} rows`,
  },
  export: "Export",
  exportCsv: "As CSV, with these filters",
  exportJson: "As JSON, with these filters",
  news: (count: number) => (count === 1 ? "1 new request" : `${count} new requests`),
  newsHint: "Show",
  empty: {
    title: "No requests yet",
    hint: "As soon as a program asks a model, it shows up here. Try it in the playground.",
    playground: "Open the playground",
  },
  nothingFound: {
    title: "No request matches these filters",
    hint: "Use fewer filters, another time or other words. A search finds whole words and the beginning of the last one.",
  },
  recording: {
    off: "Recording is off.",
    offHint: "New requests are not kept. Administrators switch it on in the settings (history).",
    numbers: "Only numbers are kept.",
    numbersHint: "Questions and answers of new requests are not kept, as the settings say (history).",
    paused: "Recording is paused:",
    pausedHint: (waiting: number, lost: number) =>
      `Answers go on, and it resumes by itself. ${waiting} requests wait to be written, ${lost} are lost.`,
    settings: "Settings",
  },
  detail: {
    title: "Request",
    notFound: "This request is no longer in the history, or never was.",
    when: "When",
    who: "Who",
    from: "From",
    model: "Model",
    machine: "Answered by",
    endpoint: "Endpoint",
    continuedOn: "Went on at",
    continuedHint: "The first one broke off in the middle; the client saw one answer.",
    nobodyAnswered: "Nobody",
    path: "Asked",
    streamed: "streamed",
    requestId: "Request id",
    sizes: "Sizes",
    sizesOf: (request: string, answer: string) => `${request} asked, ${answer} answered`,
    tokens: "Tokens",
    tokensOf: (prompt: string, completion: string) => `${prompt} read, ${completion} written`,
    cached: (count: string) => `${count} of those read before`,
    speed: "Speed",
    timing: "Timing",
    queued: "Waited for a slot",
    reading: "Until the first token",
    writing: "Writing the answer",
    whole: "Whole time",
    tabs: { conversation: "Conversation", request: "Request (JSON)", answer: "Answer (JSON)" },
    tabsLabel: "What was said",
    notKept: "The texts of this request were not kept.",
    nothingSaid: "Nothing was said in words. The JSON has all that was kept.",
    code: (code: string) => `Error code: ${code}`,
    whatItMeans: "What it means",
    copyCurl: "Copy as curl",
    curlHint: "The command takes the key from $CORRAL_API_KEY.",
    lacksMedia: "Pictures and files are not kept in the history: put them back in before you run it.",
    noCurl: "It can't be asked again from here: its text is not kept as a whole.",
    playground: "Open in playground",
    logs: "Log entries",
    previous: "Newer request",
    next: "Older request",
  },
  conversation: {
    roles: {
      system: "System",
      developer: "Developer",
      user: "User",
      assistant: "Assistant",
      tool: "Tool",
      document: "Document",
    } as Record<string, string>,
    thought: "Thought",
    call: (name: string) => `Calls ${name}`,
    result: "Result",
    media: (kind: string, size: string) => `${kind}, ${size}: not kept`,
    more: (characters: string) => `Show all ${characters} characters`,
  },
};

/** What an error code means, and what to do. */
export const meanings: Record<string, Meaning> = {
  model_not_found: {
    title: "Unknown model",
    means:
      "No machine and no endpoint has a model of this name. Compare it with the page Models, or download it there.",
  },
  model_lacks_capability: {
    title: "Wrong kind of model",
    means: "The model can't do this, for example chat with a model for embeddings. Choose another model.",
  },
  no_capable_endpoint: {
    title: "Nobody could answer",
    means: "The model is known, but no machine that has it was there. See the pages Machines and Endpoints.",
  },
  no_router: {
    title: "No router",
    means:
      "No machine was router at that moment, as while one is being replaced. Clients try again after a second.",
  },
  router_lost: {
    title: "The router went away",
    means: "The machine that was router stopped while it answered. Ask again.",
  },
  loading: {
    title: "Model was loading",
    means: "The model was not in memory yet. Load it on the page Models, so that the first one needn't wait.",
  },
  insufficient_memory: {
    title: "Not enough memory",
    means:
      "The model didn't fit into the memory of any machine. Unload another one, or take a smaller quantisation.",
  },
  model_broken: {
    title: "Model can't be loaded",
    means: "The model's file can't be loaded. The page Models says why.",
  },
  worker_crashed: {
    title: "Model crashed",
    means: "The process of the model ended. It is started anew by itself; the log says more.",
  },
  endpoint_failed: {
    title: "Endpoint failed",
    means:
      "The machine or server that was asked answered with an error. Its last error stands on the page Endpoints.",
  },
  endpoint_timeout: {
    title: "Endpoint too slow",
    means: "The machine or server didn't answer in time. Its time limit is on the page Endpoints.",
  },
  queue_full: {
    title: "Queue full",
    means:
      "Too many requests waited already. Clients wait as Retry-After says; more machines or sequences help.",
  },
  queue_timeout: {
    title: "Waited too long",
    means: "No slot became free in time. More machines with this model, or more sequences, help.",
  },
  quota_exceeded: {
    title: "Quota used up",
    means: "The key has used what it may in this minute or day. Its limits stand on the page Access.",
  },
  context_length_exceeded: {
    title: "Too long for the model",
    means:
      "Question and answer together don't fit into the model's context. Shorten it, or load it with a longer one.",
  },
  missing_credentials: {
    title: "No key",
    means:
      "The client sent no key. It belongs into the header Authorization: Bearer sk_…; the page Access makes one.",
  },
  invalid_api_key: {
    title: "Wrong key",
    means: "No such key, or it was revoked. The page Access lists the keys and makes new ones.",
  },
  expired_api_key: {
    title: "Key expired",
    means: "The key is no longer valid. The page Access makes a new one.",
  },
  invalid_token: { title: "Session over", means: "The session has ended. Sign in again." },
  insufficient_scope: {
    title: "Key may not",
    means: "The key lacks the scope for this. Scopes are chosen on the page Access.",
  },
  cloud_key_missing: {
    title: "No key for the cloud",
    means: "No key of this cloud provider is set. The page Models has the cloud's keys.",
  },
  invalid_json: { title: "Not JSON", means: "The body of the request is no JSON. The client is at fault." },
  unsupported_media_type: {
    title: "Wrong kind of body",
    means: "The client must say that it sends JSON, with the header Content-Type: application/json.",
  },
  missing_field: { title: "Field missing", means: "The client left out a field that is needed." },
  invalid_value: { title: "Wrong value", means: "The client sent a field with a value that is not allowed." },
  conflicting_fields: {
    title: "Fields exclude each other",
    means: "The client sent fields that can't go together.",
  },
  unsupported_schema: {
    title: "Schema not supported",
    means: "The JSON schema of the answer has something unsupported.",
  },
  body_too_large: {
    title: "Too large",
    means: "The body is larger than allowed; the message names the limit.",
  },
  rate_limit_exceeded: {
    title: "Provider's limit",
    means: "The endpoint or cloud provider lets no more requests through at the moment.",
  },
  draining: {
    title: "Node was stopping",
    means: "The machine was being stopped or restarted. Ask again.",
  },
};
