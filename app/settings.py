"""Reading the settings: command line, environment, `config.toml`, default; older names as fallbacks."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from socket import gethostname
from typing import Any

from corral.app.model_options import ModelOptions, read_model_options
from corral.app.paths import DataDir, default_data_dir
from corral.app.settings_table import TABLE, Setting, Settings

_MODELS = "models"
_FILE = "config.toml"


class SettingsError(Exception):
    """A setting can't be used; the message names it, where it comes from and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Given:
    """A value before it is read."""

    value: object
    source: str
    base: Path  # relative paths start here
    notice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origins:
    arguments: Mapping[str, object]
    environ: Mapping[str, str]
    here: Path


def load_settings(*, arguments: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """The settings in force. `arguments` holds what the command line gave, None for what it didn't.

    Raises SettingsError. Reads `config.toml` in the data folder, writes nothing.
    """
    origins = _Origins(arguments=arguments, environ=environ, here=Path.cwd())
    data_dir = _data_dir(origins)
    content = _read_file(DataDir(data_dir).config)
    models = _model_options(content.pop(_MODELS, {}))
    _check_names(content)
    values: dict[str, Any] = _worked_out(data_dir)
    sources = {}
    notices = []
    for row in TABLE:
        given = _outside_file(row, origins) or _inside_file(row, content, data_dir)
        sources[row.name] = "default" if given is None else given.source
        if given is not None:
            values[row.name] = _read(row, given)
            notices += [given.notice] if given.notice else []
        else:
            values.setdefault(row.name, row.default)
    return Settings(
        **values, models=models, sources=sources, notices=tuple(notices), arguments=dict(arguments)
    )


def read_again(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """The settings as a start now would find them, with the same command line. Raises SettingsError."""
    return load_settings(arguments=settings.arguments, environ=environ)


def find_data_dir(*, arguments: Mapping[str, object], environ: Mapping[str, str]) -> Path:
    """The data folder, without a look into its `config.toml`. Raises SettingsError."""
    return _data_dir(_Origins(arguments=arguments, environ=environ, here=Path.cwd()))


def default_settings(data_dir: Path) -> Settings:
    """What counts where nothing is set."""
    values: dict[str, Any] = {row.name: row.default for row in TABLE}
    return Settings(
        **(values | _worked_out(data_dir)),
        sources={row.name: "default" for row in TABLE},
        arguments={"data_dir": data_dir},
    )


def overriding_variable(row: Setting, environ: Mapping[str, str]) -> str | None:
    """The environment variable that wins over `config.toml` for this setting, if one is set."""
    return next((name for name in (row.variable, *row.standard, *row.legacy) if environ.get(name)), None)


def _data_dir(origins: _Origins) -> Path:
    row = next(row for row in TABLE if row.name == "data_dir")
    given = _outside_file(row, origins)
    if given is None:
        return default_data_dir()
    found: Path = _read(row, given)
    return found


def _worked_out(data_dir: Path) -> dict[str, Any]:
    """Defaults that depend on the machine."""
    folder = DataDir(data_dir)
    return {
        "data_dir": data_dir,
        "models_dir": folder.models,
        "log_dir": folder.logs,
        "node_name": gethostname(),
    }


def _outside_file(row: Setting, origins: _Origins) -> _Given | None:
    """What the command line or the environment says; an empty variable says nothing."""
    argument = origins.arguments.get(row.name)
    if argument is not None:
        return _Given(value=argument, source="command line", base=origins.here)
    for variable in (row.variable, *row.standard):
        if own := origins.environ.get(variable):
            return _Given(value=own, source=f"environment ({variable})", base=origins.here)
    for variable in row.legacy:
        if old := origins.environ.get(variable):
            notice = f"The environment variable {variable} is deprecated; use {row.variable} instead."
            return _Given(value=old, source=f"environment ({variable})", base=origins.here, notice=notice)
    return None


def _inside_file(row: Setting, content: Mapping[str, object], data_dir: Path) -> _Given | None:
    if row.name not in content:
        return None
    return _Given(value=content[row.name], source=_FILE, base=data_dir)


def _read(row: Setting, given: _Given) -> Any:
    try:
        return row.kind.read(given.value, given.base)
    except (ValueError, TypeError, RuntimeError) as error:  # RuntimeError: "~somebody" who has no home
        found = "" if row.secret else f", not {given.value!r}"
        raise SettingsError(
            f"setting {row.name} ({given.source}) must be {row.kind.allowed}{found}"
        ) from error


def _read_file(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not a TOML file: {error}") from error
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}") from error


def _model_options(table: object) -> ModelOptions:
    try:
        return read_model_options(table)
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{_FILE}: {error}") from error


def _check_names(content: Mapping[str, object]) -> None:
    known = {row.name: row for row in TABLE}
    for name in content:
        if name not in known:
            close = get_close_matches(name, [*known, _MODELS], n=1)
            hint = f"did you mean {close[0]!r}?" if close else "`corral settings` lists the known ones"
            raise SettingsError(f"{_FILE} has an unknown setting {name!r}; {hint}")
        if not known[name].in_file:
            raise SettingsError(
                f"{name} can't stand in {_FILE}, which lies in that folder; set {known[name].variable} instead"
            )
