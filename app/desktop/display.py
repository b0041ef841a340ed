"""Whether this process can show something. Pure: nothing is connected to, and no toolkit is imported."""

from collections.abc import Mapping


def has_display(environment: Mapping[str, str], platform: str) -> bool:
    """Whether there is a screen of a user, as far as the environment says. `platform` is `sys.platform`."""
    if platform in ("win32", "darwin"):
        return not (environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"))
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
