"""`corral settings`: the values in force and where they come from."""

from corral.app.commands.screen import show_json, show_table
from corral.app.settings_document import settings_document
from corral.app.settings_table import TABLE, Setting, Settings, shown

_SET = "(set)"


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


def _value(row: Setting, settings: Settings) -> str:
    value = getattr(settings, row.name)
    return _SET if row.secret and value is not None else shown(value)
