"""What the tray says. All of its texts are here. Pure."""

from typing import Final

from corral.app.desktop.look import Look
from corral.app.desktop.view import Machine, View

PROGRAM: Final = "Corral"
OPEN: Final = "Open dashboard"
COPY_URL: Final = "Copy API URL"
COPY_KEY: Final = "Copy API key"
MACHINES: Final = "Machines"
MODELS: Final = "Models"
NO_MODELS: Final = "No models on this machine"
PAUSE: Final = "Pause sharing"
AUTOSTART: Final = "Start at login"
RESTART: Final = "Restart"
QUIT: Final = "Quit"
COPIED_URL: Final = "The API's URL is in the clipboard."
COPIED_KEY: Final = "This machine's API key is in the clipboard."
NOT_RUNNING: Final = "The node isn't running at the moment; try again soon."
NO_PANEL: Final = (
    "No panel shows Corral's icon: this desktop has no tray, or it is switched off (GNOME needs the extension AppIndicator). "
    "`corral open` opens the dashboard."
)
CANT_COPY: Final = "Nothing could be copied: this desktop offers no clipboard. The dashboard shows it too."

_ROLES: Final = {"router": "Router", "follower": "Follower", "alone": "Ready"}
_LOOKS: Final = {Look.STARTING: "Starting …", Look.PAUSED: "Paused: works for no other machine"}
_MODEL_STATES: Final = {"loaded": "ready", "loading": "loading …", "on_disk": "", "error": "failed"}


def status_line(view: View, look: Look) -> str:
    """As `Router · 3 machines · 2 models, 1 loaded`."""
    if view.status == "gone":
        return "The node doesn't answer"
    if look in _LOOKS:
        return _LOOKS[look]
    if look is Look.PROBLEM:
        return _sentence(view.trouble or "Something is wrong")
    parts = [_ROLES.get(view.role, "Ready")]
    online = sum(each.online for each in view.machines)
    if view.role != "alone":
        parts.append(_count(online, "machine", "machines"))
    parts.append(_models_part(view))
    return " · ".join(parts)


def tooltip(view: View, look: Look) -> str:
    """The status, and what it does right now."""
    line = f"{PROGRAM}: {status_line(view, look)}"
    if view.active:
        line += f" · {_count(view.active, 'answer', 'answers')}, {view.tokens_per_s:.0f} tokens/s"
    return line


def machine_line(machine: Machine) -> str:
    """As `desk · router · this machine`."""
    parts = [machine.name]
    parts.append(machine.role if machine.online else "offline")
    if machine.this:
        parts.append("this machine")
    return " · ".join(parts)


def approve_line(name: str, code: str) -> str:
    """Of the item that lets a machine in: people compare the code first."""
    return f"Let {name} in (code {code})"


def model_line(name: str, lifecycle: str) -> str:
    """As `gemma-3 · ready`."""
    state = _MODEL_STATES.get(lifecycle, lifecycle)
    return f"{name} · {state}" if state else name


def one_line(text: str, most: int) -> str:
    """A text that fits where only so many characters may stand."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def _models_part(view: View) -> str:
    able = sum(not each.broken for each in view.models)
    loaded = f", {view.ready_models} loaded" if view.ready_models else ""
    return f"{_count(able, 'model', 'models')}{loaded}" if able else "no model yet"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
