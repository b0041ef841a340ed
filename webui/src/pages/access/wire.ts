/** How this page came here: not over a network, encrypted, or readable on the way. */
export type Way = "local" | "encrypted" | "plain";

export function wayHere({ protocol, hostname }: { protocol: string; hostname: string }): Way {
  if (protocol === "https:") return "encrypted";
  const host = hostname.replace(/^\[|\]$/g, "");
  return host === "localhost" || host.endsWith(".localhost") || host === "::1" || host.startsWith("127.")
    ? "local"
    : "plain";
}
