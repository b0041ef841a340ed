/** The part of a request that can be asked again. */
export interface Asked {
  path: string;
  request_body: unknown;
}

const FORMS = /^\/v1\/(audio\/(transcriptions|translations)|images\/(edits|variations))$/;
/** What stands in the history instead of pictures, sound and files. */
const LEFT_OUT = /\[redacted [^\]]*len=\d+\]/;

/** A text as one word of a POSIX shell, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Whether the history has the whole body, so that it can be sent again: not cut, not kept as numbers only, no form. */
export function canBeAsked({ path, request_body }: Asked): boolean {
  return typeof request_body === "object" && request_body !== null && !FORMS.test(path);
}

/** Whether pictures or files of the request are missing in the history. */
export function lacksMedia({ request_body }: Asked): boolean {
  return LEFT_OUT.test(JSON.stringify(request_body) ?? "");
}

/** The request as a command for a shell, with the key in $CORRAL_API_KEY. `origin`: http://host:port. */
export function curlOf({ path, request_body }: Asked, origin: string): string {
  const streams = (request_body as { stream?: unknown }).stream === true;
  const lines = [
    `curl ${streams ? "--no-buffer " : ""}${quoted(origin + path)}`,
    `-H "Authorization: Bearer $CORRAL_API_KEY"`,
    `-H 'Content-Type: application/json'`,
    `--data-raw ${quoted(JSON.stringify(request_body, null, 2))}`,
  ];
  return lines.join(" \\\n  ");
}
