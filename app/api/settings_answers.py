"""Shapes of the answers about settings, for the OpenAPI document."""

from typing import Literal

from corral.app.api.answers import Open

SettingJson = str | int | float | bool | list[str] | None
Source = Literal["command line", "environment", "config.toml", "cluster", "default"]


class OwnSetting(Open):
    """A setting of this machine.

    `value` is in force, `next_value` is what a restart brings; of a secret both are null, and `is_set` says whether there is
    one. `form` and what follows it say what may be written: `optional` ones may be "none". `variable` is the environment
    variable that gives it, or could. `cluster`: it may be set for all machines, at /v0/cluster/settings, too.
    """

    name: str
    group: str
    help: str
    allowed: str
    form: str
    choices: list[str]
    low: int | None
    high: int | None
    optional: bool
    secret: bool
    cluster: bool
    in_file: bool
    variable: str
    default: SettingJson
    default_text: str
    value: SettingJson
    is_set: bool
    source: Source
    next_value: SettingJson
    next_source: Source
    restart_needed: bool


class OwnSettings(Open):
    """`since`: when this machine took them up. `notices`: what a person should change. `file_error`: `config.toml` can't be used;
    nothing is written until somebody mends it."""

    node: str
    settings: list[OwnSetting]
    total: int
    restart_needed: bool
    since: str
    notices: list[str]
    file_error: str | None


class Restarting(Open):
    restarting: bool
