"""Changing one setting in `config.toml`, as the table of settings allows: for commands and for the HTTP API."""

from difflib import get_close_matches
from pathlib import Path

from corral.app.settings import SettingsError
from corral.app.settings_file import TomlValue, read_text, with_setting, without_setting, write_text
from corral.app.settings_table import TABLE, Setting

_MODELS = "models"


def setting_named(name: str) -> Setting:
    """The row of a name, also in capitals or with hyphens. Raises SettingsError."""
    known = {row.name: row for row in TABLE}
    plain = name.strip().lower().replace("-", "_")
    if plain in known:
        return known[plain]
    if plain == _MODELS or plain.startswith(f"{_MODELS}."):
        raise SettingsError("how models are loaded stands in tables of config.toml: edit it by hand")
    close = get_close_matches(plain, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else "`corral settings` lists them"
    raise SettingsError(f"there is no setting {name[:64]!r}; {hint}")


def file_value(row: Setting, given: object, base: Path) -> TomlValue:
    """What stands in the file: in TOML's own kind of value, paths from the root on. Raises SettingsError.

    `given` is text, or typed as JSON types it; relative paths start at `base`.
    """
    if not row.in_file:
        raise SettingsError(f"{row.name} can't stand in config.toml; set {row.variable} instead")
    try:
        value = row.kind.read(given, base)
    except (ValueError, TypeError, RuntimeError) as error:  # RuntimeError: "~somebody" who has no home
        found = "" if row.secret else f", not {given!r}"
        raise SettingsError(f"setting {row.name} must be {row.kind.allowed}{found}") from error
    text = given.strip() if isinstance(given, str) else ""
    if isinstance(value, tuple):
        return [str(each) for each in value]
    if isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return text if text and not text.lstrip("+-").isdigit() else value  # a size as people write it
    return text if value is None else str(value)


def change_file(path: Path, row: Setting, value: TomlValue | None) -> bool:
    """Put the value into the file, None: take it out. False: it was so already. Raises SettingsFileError."""
    before = read_text(path)
    after = without_setting(before, row.name) if value is None else with_setting(before, row.name, value)
    if after != before:
        write_text(path, after, private=row.secret)
    return after != before
