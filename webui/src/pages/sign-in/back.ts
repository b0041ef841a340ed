/** Where to go after signing in: a page of ours, never an address elsewhere. */
export function backOf(wanted: string | null): string {
  const ours = wanted !== null && /^\/(dashboard|playground)(?=[/?]|$)/.test(wanted);
  return ours && !wanted.startsWith("/dashboard/sign-in") ? wanted : "/dashboard";
}
