import { describe, expect, it } from "vitest";
import { invitationDetail, invitationLink, invitationState, newPassword, type Invitation } from "./people";

const NOW = Date.parse("2026-11-25T12:00:00Z");
const OPEN: Invitation = {
  id: "1",
  code_prefix: "inv_abcd",
  created_at: "2026-11-25T11:00:00Z",
  created_by: "admin",
  expires_at: "2026-11-28T11:00:00Z",
  used_at: null,
  used_by: null,
};
const USER = {
  id: "u1",
  username: "mila",
  role: "viewer",
  created_at: OPEN.created_at,
  last_login_at: null,
};

describe("a generated password", () => {
  it("is long, and has no characters that look alike", () => {
    const password = newPassword();
    expect(password).toMatch(/^[A-HJKMNP-Za-km-z2-9]{20}$/);
    expect(newPassword()).not.toBe(password);
  });

  it("leaves out bytes that would make some characters likelier", () => {
    let call = 0;
    const bytes = (array: Uint8Array<ArrayBuffer>) => array.fill(call++ === 0 ? 255 : 0);
    expect(newPassword(bytes)).toBe("A".repeat(20));
  });
});

describe("an invitation", () => {
  it.each([
    [OPEN, "open", "expires in 2 d"],
    [{ ...OPEN, expires_at: "2026-11-25T11:59:59Z" }, "expired", ""],
    [{ ...OPEN, used_at: "2026-11-25T09:00:00Z", used_by: "u1" }, "used", "by mila, 3 h ago"],
    [
      { ...OPEN, used_at: "2026-11-25T09:00:00Z", used_by: "gone" },
      "used",
      "by somebody who was removed since, 3 h ago",
    ],
  ] as const)("%#: is %s", (invitation, state, detail) => {
    expect(invitationState(invitation, NOW)).toBe(state);
    expect(invitationDetail(invitation, [USER], NOW)).toBe(detail);
  });

  it("has a link that fills in the code", () => {
    expect(invitationLink("http://farm:1", "inv_a")).toBe("http://farm:1/dashboard/register?code=inv_a");
  });
});
