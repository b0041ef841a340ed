import { ApiError, api, wires, type Schema } from "../api/client";
import { text } from "../text/shell";
import { asApiError } from "./resource.svelte";
import { router } from "./router.svelte";

type User = Schema<"SessionUser">;

export const SIGN_IN = "/dashboard/sign-in";
export const REGISTER = "/dashboard/register";

/** Who is signed in. The cookie that proves it is the browser's affair. */
class Session {
  user = $state.raw<User | null>(null);
  /** "unknown": not asked yet; "unreachable": the node didn't answer; "ended": by itself, while somebody worked. */
  status = $state<"unknown" | "in" | "ended" | "out" | "unreachable">("unknown");
  /** Why it is "unreachable". */
  problem = $state.raw<ApiError | null>(null);
  /** What the sign-in page should say first. */
  notice = $state<string | null>(null);

  constructor() {
    wires.onSignedOut = () => this.end();
    wires.renew = () => this.renew();
  }

  get isAdmin(): boolean {
    return this.user?.role === "admin";
  }

  /** Ask the node who this is; with a one-time token in the address, sign in with that. */
  async begin(): Promise<void> {
    const token = takeOneTimeToken();
    try {
      if (token !== null) await this.signInOnce(token);
      await this.renew();
    } catch (error) {
      this.problem = asApiError(error);
      this.status = this.problem.status === 401 ? "out" : "unreachable";
    }
  }

  /** Throws ApiError. */
  async signIn(username: string, password: string): Promise<void> {
    const answer = await api.post("/v0/auth/login", { body: { username, password } });
    this.enter(answer.user, answer.csrf_token);
  }

  /** Throws ApiError. */
  async register(code: string, username: string, password: string): Promise<void> {
    const answer = await api.post("/v0/auth/register", { body: { code, username, password } });
    this.enter(answer.user, answer.csrf_token);
  }

  /** Throws ApiError. Other sessions of the user end. */
  async changePassword(current: string, next: string): Promise<void> {
    const body = { current_password: current, new_password: next };
    const answer = await api.put("/v0/auth/password", { body });
    this.enter(answer.user, answer.csrf_token);
  }

  /** Throws ApiError; then the session is still there. */
  async signOut(): Promise<void> {
    await api.post("/v0/auth/logout");
    this.leave();
    router.go(SIGN_IN);
  }

  /** Let a session go that has ended anyway. */
  leave(): void {
    wires.csrfToken = null;
    this.user = null;
    this.status = "out";
  }

  private async signInOnce(token: string): Promise<void> {
    try {
      await api.post("/v0/auth/one-time", { body: { token } });
    } catch (error) {
      if (error instanceof ApiError && error.status === 0) throw error;
      this.notice = text.signIn.oneTimeFailed;
    }
  }

  private async renew(): Promise<void> {
    const me = await api.get("/v0/auth/me");
    this.enter(me.user, me.csrf_token);
  }

  private enter(user: User, csrfToken: string): void {
    wires.csrfToken = csrfToken;
    this.user = user;
    this.notice = null;
    this.status = "in";
  }

  private end(): void {
    if (this.status === "in") this.status = "ended";
  }
}

/** The token of `#one-time=…`, which is taken out of the address at once. */
function takeOneTimeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("one-time");
  if (token !== null) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

export const session = new Session();
