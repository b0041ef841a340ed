import { text } from "../../text/overview";

export interface Choice {
  /** http://host:port */
  origin: string;
  key: string;
  model: string;
}

export interface Snippet {
  id: string;
  label: string;
  /** What to do with the code, or where to find the form. */
  hint: string;
  code: string;
}

const { clients } = text.connect;

/** How the usual clients are set up, with everything filled in. */
export function snippetsOf(choice: Choice): Snippet[] {
  return [
    curl(choice),
    python(choice),
    javascript(choice),
    openWebUi(choice),
    continueDev(choice),
    claude(choice),
    ollama(choice),
  ];
}

function curl({ origin, key, model }: Choice): Snippet {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: clients.question }] });
  return {
    id: "curl",
    label: "curl",
    hint: clients.curl,
    code: [
      `curl ${origin}/v1/chat/completions \\`,
      `  -H "Authorization: Bearer ${key}" \\`,
      `  -H "Content-Type: application/json" \\`,
      `  -d '${body}'`,
    ].join("\n"),
  };
}

function python({ origin, key, model }: Choice): Snippet {
  return {
    id: "python",
    label: "Python",
    hint: clients.python,
    code: [
      "from openai import OpenAI",
      "",
      "client = OpenAI(",
      `    base_url="${origin}/v1",`,
      `    api_key="${key}",`,
      ")",
      "answer = client.chat.completions.create(",
      `    model="${model}",`,
      `    messages=[{"role": "user", "content": "${clients.question}"}],`,
      ")",
      "print(answer.choices[0].message.content)",
    ].join("\n"),
  };
}

function javascript({ origin, key, model }: Choice): Snippet {
  return {
    id: "javascript",
    label: "JavaScript",
    hint: clients.javascript,
    code: [
      'import OpenAI from "openai";',
      "",
      "const client = new OpenAI({",
      `  baseURL: "${origin}/v1",`,
      `  apiKey: "${key}",`,
      "});",
      "const answer = await client.chat.completions.create({",
      `  model: "${model}",`,
      `  messages: [{ role: "user", content: "${clients.question}" }],`,
      "});",
      "console.log(answer.choices[0].message.content);",
    ].join("\n"),
  };
}

function openWebUi({ origin, key }: Choice): Snippet {
  return {
    id: "open-webui",
    label: "Open WebUI",
    hint: clients.openWebUi,
    code: `URL  ${origin}/v1\nKey  ${key}`,
  };
}

function continueDev({ origin, key, model }: Choice): Snippet {
  return {
    id: "continue",
    label: "Continue",
    hint: clients.continueDev,
    code: [
      "models:",
      "  - name: Corral",
      "    provider: openai",
      `    model: ${model}`,
      `    apiBase: ${origin}/v1`,
      `    apiKey: ${key}`,
      "    roles: [chat, edit, apply]",
    ].join("\n"),
  };
}

function claude({ origin, key, model }: Choice): Snippet {
  return {
    id: "claude",
    label: "Claude Code",
    hint: clients.claude,
    code: [
      `export ANTHROPIC_BASE_URL=${origin}`,
      `export ANTHROPIC_AUTH_TOKEN=${key}`,
      `export ANTHROPIC_MODEL=${model} ANTHROPIC_DEFAULT_HAIKU_MODEL=${model}`,
      "claude",
    ].join("\n"),
  };
}

function ollama({ origin, key, model }: Choice): Snippet {
  return {
    id: "ollama",
    label: "Ollama",
    hint: clients.ollama,
    code: [`export OLLAMA_HOST=${origin}`, `export OLLAMA_API_KEY=${key}`, `ollama run ${model}`].join("\n"),
  };
}
