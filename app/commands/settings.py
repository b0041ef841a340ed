"""`corral settings`: the values in force and where they come from; changing `config.toml`."""

import os
import sys
from pathlib import Path

from corral.app.commands.errors import CommandError, WrongSetting
from corral.app.commands.screen import show_json, show_table
from corral.app.instance import AlreadyRunning, InstanceLock
from corral.app.paths import DataDir
from corral.app.settings import SettingsError, find_data_dir, load_settings, overriding_variable
from corral.app.settings_change import change_file, file_value, setting_named
from corral.app.settings_document import settings_document
from corral.app.settings_file import SettingsFileError, TomlValue
from corral.app.settings_table import TABLE, Setting, Settings, shown

_SET = "(set)"
_FROM_INPUT = "-"


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
    try:
        written = file_value(row, text, Path.cwd())
    except SettingsError as error:
        raise WrongSetting(str(error)) from error
    _change(row, data_dir, written, as_json=as_json)


def unset_setting(name: str, *, data_dir: str | None, as_json: bool) -> None:
    """Take a setting out of `config.toml`."""
    _change(_row(name), data_dir, None, as_json=as_json)


def _change(row: Setting, data_dir: str | None, value: TomlValue | None, *, as_json: bool) -> None:
    try:
        folder = DataDir(find_data_dir(arguments={"data_dir": data_dir}, environ=os.environ))
        changed = change_file(folder.config, row, value)
    except SettingsError as error:
        raise WrongSetting(str(error)) from error
    except SettingsFileError as error:
        raise CommandError(str(error)) from error
    result = {
        "name": row.name,
        "changed": changed,
        "file": str(folder.config),
        "restart_needed": changed and _runs(folder),
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
    try:
        return setting_named(name)
    except SettingsError as error:
        raise WrongSetting(str(error)) from error


def _value(row: Setting, settings: Settings) -> str:
    value = getattr(settings, row.name)
    return _SET if row.secret and value is not None else shown(value)
