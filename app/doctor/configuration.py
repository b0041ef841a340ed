"""Whether `config.toml` and the environment can be read, and name only settings that exist."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from corral.app.banner import KEY_VARIABLE
from corral.app.doctor.finding import Finding, ok, problem, warning
from corral.app.settings_table import ENVIRONMENT_PREFIX, TABLE

_OTHERS = 0o077
_SECRETS = {row.name for row in TABLE if row.secret}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationFacts:
    """The settings' sources as they are."""

    file: Path
    mode: int | None  # None: there is no file, or rights mean nothing here
    text: str
    error: str | None  # of reading the settings
    notices: tuple[str, ...]
    unknown_variables: tuple[str, ...]


def unknown_variables(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Variables that look like settings and are none."""
    known = {row.variable for row in TABLE} | {KEY_VARIABLE}
    return tuple(
        sorted(name for name in environ if name.startswith(ENVIRONMENT_PREFIX) and name not in known)
    )


def judge_configuration(facts: ConfigurationFacts) -> list[Finding]:
    """A finding for each thing that is wrong, or one for all."""
    found = list(_findings(facts))
    return found or [
        ok("settings", f"{facts.file}" if facts.text else "as they come; there is no config.toml")
    ]


def _findings(facts: ConfigurationFacts) -> Iterable[Finding]:
    if facts.error is not None:
        yield problem("settings", facts.error, "Change it there; until then the other checks use defaults.")
    for notice in facts.notices:
        yield warning("settings", notice, "Rename it where it is set.")
    for name in facts.unknown_variables:
        plain = name.removeprefix(ENVIRONMENT_PREFIX).lower()
        close = get_close_matches(plain, [row.name for row in TABLE], n=1)
        remedy = (
            f"Did you mean {ENVIRONMENT_PREFIX}{close[0].upper()}?"
            if close
            else "Unset it; `corral settings` lists the settings."
        )
        yield warning("settings", f"the environment variable {name} is no setting", remedy)
    holds_secrets = any(name in facts.text for name in _SECRETS)
    if facts.mode is not None and facts.mode & _OTHERS and holds_secrets:
        what = f"{facts.file} holds secrets and is open to other users (mode {facts.mode:o})"
        yield warning("settings", what, f"Close it: `chmod 600 {facts.file}`.")
