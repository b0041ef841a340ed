"""`corral settings`: the values in force and where they come from; changing `config.toml`."""

import os
import sys
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path

from corral.app.commands.errors import CommandError, WrongSetting
from corral.app.commands.screen import show_json, show_table
from corral.app.instance import AlreadyRunning, InstanceLock
from corral.app.paths import DataDir
from corral.app.settings import SettingsError, find_data_dir, load_settings, overriding_variable
from corral.app.settings_document import settings_document
from corral.app.settings_file import (
    SettingsFileError,
    TomlValue,
    read_text,
    with_setting,
    without_setting,
    write_text,
)
from corral.app.settings_table import TABLE, Setting, Settings, shown

_SET = "(set)"
_FROM_INPUT = "-"
_MODELS = "models"


def show_settings(settings: Settings, *, as_json: bool) -> None:
    """Every setting, one row each."""
    rows = [(row.name, _value(row, settings), settings.sources[row.name], row.help) for row in TABLE]
    if as_json:
        names = ("name", "value", "source", "help")
        show_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        show_table(("SETTING", "VALUE", "SOURCE", "MEANING"), rows)


def show_markdown() -> None:
    """The page docs/settings.md."""
    print(settings_document(), end="")


def show_setting(settings: Settings, name: str, *, as_json: bool) -> None:
    """One value, plain; of a secret only whether it is set."""
    row = _row(name)
    value = getattr(settings, row.name)
    text = ("not set" if value is None else "set") if row.secret else shown(value)
    if as_json:
        source = settings.sources[row.name]
        show_json({"name": row.name, "value": text, "source": source, "help": row.help})
    else:
        print(text)


def set_setting(name: str, value: str, *, data_dir: str | None, as_json: bool) -> None:
    """Write a setting into `config.toml`; `-` reads the value from the input."""
    row = _row(name)
    text = sys.stdin.readline().rstrip("\r\n") if value == _FROM_INPUT else value
    written = _toml_value(row, text)
    _change(row, data_dir, lambda content: with_setting(content, row.name, written), as_json=as_json)


def unset_setting(name: str, *, data_dir: str | None, as_json: bool) -> None:
    """Take a setting out of `config.toml`."""
    row = _row(name)
    _change(row, data_dir, lambda content: without_setting(content, row.name), as_json=as_json)


def _change(row: Setting, data_dir: str | None, edit: Callable[[str], str], *, as_json: bool) -> None:
    try:
        folder = DataDir(find_data_dir(arguments={"data_dir": data_dir}, environ=os.environ))
        before = read_text(folder.config)
        after = edit(before)
        if after != before:
            write_text(folder.config, after, private=row.secret)
    except SettingsError as error:
        raise WrongSetting(str(error)) from error
    except SettingsFileError as error:
        raise CommandError(str(error)) from error
    result = {
        "name": row.name,
        "changed": after != before,
        "file": str(folder.config),
        "restart_needed": after != before and _runs(folder),
        "overridden_by": overriding_variable(row, os.environ),
    }
    if as_json:
        show_json(result)
    else:
        _say(row, result)
    _warn_of_other_errors(folder)


def _say(row: Setting, result: dict[str, object]) -> None:
    if not result["changed"]:
        print(f"{row.name} stays as it is in {result['file']}.")
    else:
        print(f"{row.name} is changed in {result['file']}.")
    if result["restart_needed"]:
        print("A node is running: the change counts when it is started again.")
    if variable := result["overridden_by"]:
        print(f"But the environment variable {variable} is set here, and wins.")


def _warn_of_other_errors(folder: DataDir) -> None:
    """The file may have been wrong before."""
    try:
        load_settings(arguments={"data_dir": folder.root}, environ={})
    except SettingsError as error:
        print(f"corral: {error}", file=sys.stderr)


def _runs(folder: DataDir) -> bool:
    if not folder.lock.exists():
        return False
    try:
        with InstanceLock(folder.lock):
            return False
    except AlreadyRunning:
        return True
    except OSError:  # another user's
        return folder.run_file.exists()


def _row(name: str) -> Setting:
    known = {row.name: row for row in TABLE}
    plain = name.strip().lower().replace("-", "_")
    if plain in known:
        return known[plain]
    if plain == _MODELS or plain.startswith(f"{_MODELS}."):
        raise WrongSetting("how models are loaded stands in tables of config.toml: edit it by hand")
    close = get_close_matches(plain, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else "`corral settings` lists them"
    raise WrongSetting(f"there is no setting {name!r}; {hint}")


def _toml_value(row: Setting, text: str) -> TomlValue:
    """What stands in the file: in TOML's own kind of value, paths from the root on. Raises WrongSetting."""
    if not row.in_file:
        raise WrongSetting(f"{row.name} can't stand in config.toml; set {row.variable} instead")
    try:
        value = row.kind.read(text, Path.cwd())
    except (ValueError, TypeError, RuntimeError) as error:  # RuntimeError: "~somebody" who has no home
        found = "" if row.secret else f", not {text!r}"
        raise WrongSetting(f"setting {row.name} must be {row.kind.allowed}{found}") from error
    if isinstance(value, tuple):
        return [str(each) for each in value]
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return (
            value if text.strip().lstrip("+-").isdigit() else text.strip()
        )  # else a size as people write it
    return text.strip() if value is None else str(value)


def _value(row: Setting, settings: Settings) -> str:
    value = getattr(settings, row.name)
    return _SET if row.secret and value is not None else shown(value)
