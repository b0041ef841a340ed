/** The host of a machine's peer port, as addresses have it: 192.168.1.20:32769 → 192.168.1.20, [fd00::2]:32769 → [fd00::2]; null for link-local ones, which need a zone. */
export function hostOf(address: string): string | null {
  const host = address.replace(/:\d+$/, "");
  return host === "" || /^\[?fe80:/i.test(host) ? null : host;
}
