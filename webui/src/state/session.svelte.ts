import { ApiError, api, wires, type Schema } from "../api/client";
import { router } from "./router.svelte";

type User = Schema<"SessionUser">;

export const SIGN_IN = "/dashboard/sign-in";
export const REGISTER = "/dashboard/register";

/** Who is signed in. The cookie that proves it is the browser's affair. */
class Session {
  user = $state.raw<User | null>(null);
  /** Nobody knows yet, at the first start; "unreachable": the node didn't answer. */
  status = $state<"unknown" | "in" | "out" | "unreachable">("unknown");
  /** The session ended by itself while somebody worked. */
  ended = $state(false);

  constructor() {
    wires.onSignedOut = () => this.end();
  }

  get isAdmin(): boolean {
    return this.user?.role === "admin";
  }

  /** Ask the node who this is; with a one-time token in the address, sign in with that. */
  async begin(): Promise<void> {
    const token = takeOneTimeToken();
    try {
      if (token !== null) await this.signInOnce(token);
      const me = await api.get("/v0/auth/me");
      this.enter(me.user, me.csrf_token);
    } catch (error) {
      this.status = error instanceof ApiError && error.status === 401 ? "out" : "unreachable";
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

  async signOut(): Promise<void> {
    await api.post("/v0/auth/logout").catch(() => undefined);
    this.leave();
    router.go(SIGN_IN);
  }

  private async signInOnce(token: string): Promise<void> {
    await api.raw("/v0/auth/one-time", { body: { token } }).catch(() => undefined);
  }

  private enter(user: User, csrfToken: string): void {
    wires.csrfToken = csrfToken;
    this.user = user;
    this.ended = false;
    this.status = "in";
  }

  private end(): void {
    if (this.status !== "in") return;
    this.ended = true;
    this.leave();
  }

  private leave(): void {
    wires.csrfToken = null;
    this.user = null;
    this.status = "out";
  }
}

/** The token of `#one-time=…`, which is taken out of the address at once. */
function takeOneTimeToken(): string | null {
  const token = new URLSearchParams(location.hash.slice(1)).get("one-time");
  if (token !== null) history.replaceState(null, "", location.pathname + location.search);
  return token;
}

export const session = new Session();
