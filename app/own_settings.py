"""The settings of this very machine, as people see and change them while it runs: what is in force, and what a restart brings."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from corral.app.paths import DataDir
from corral.app.settings import SettingsError, read_again
from corral.app.settings_change import change_file, file_value
from corral.app.settings_file import SettingsFileError, TomlValue
from corral.app.settings_table import TABLE, Setting, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingState:
    """One setting: its value in force and whence; its value after a restart, and whence then."""

    row: Setting
    value: object
    source: str
    next_value: object
    next_source: str

    @property
    def changes(self) -> bool:
        """Whether a restart brings another value."""
        return self.next_value != self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsState:
    """All of them. `file_error` says why `config.toml` can't be read; then nothing is known of after a restart."""

    settings: Sequence[SettingState]
    file_error: str | None
    since: float  # when this machine took up its own; Unix time, seconds
    notices: Sequence[str]


class OwnSettings:
    """Reads and writes `config.toml` beside the settings in force. Everything that touches the disk runs in a thread."""

    def __init__(
        self,
        *,
        own: Settings,
        current: Callable[[], Settings],
        since: float,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """`own` are this machine's, in force since `since`; `current` gives them with what the cluster has set."""
        self._own = own
        self._current = current
        self._since = since
        self._environ = environ
        self._folder = DataDir(own.data_dir)
        self._turn = asyncio.Lock()

    async def state(self) -> SettingsState:
        """All settings in the order of the table."""
        try:
            after, error = await self.after_restart(), None
        except SettingsError as problem:
            after, error = self._own, str(problem)
        current = self._current()
        return SettingsState(
            settings=[self._state_of(row, current, after) for row in TABLE],
            file_error=None if error is None else self._without_path(error),
            since=self._since,
            notices=[self._without_path(each) for each in self._own.notices],
        )

    async def change(self, row: Setting, value: object) -> None:
        """Write it into `config.toml`; None takes it out. Raises SettingsError, SettingsFileError."""
        written: TomlValue | None = None if value is None else file_value(row, value, self._own.data_dir)
        async with self._turn:
            try:
                await asyncio.to_thread(change_file, self._folder.config, row, written)
            except SettingsFileError as error:
                raise SettingsFileError(self._without_path(str(error))) from error

    async def after_restart(self) -> Settings:
        """The settings that a restart would find. Raises SettingsError."""
        return await asyncio.to_thread(read_again, self._own, self._environ)

    def _state_of(self, row: Setting, current: Settings, after: Settings) -> SettingState:
        """What the cluster sets, or was never read from a file, stays over a restart."""
        shared = current.sources[row.name] != self._own.sources[row.name]
        next_one = current if shared else after
        return SettingState(
            row=row,
            value=getattr(current, row.name),
            source=current.sources[row.name],
            next_value=getattr(next_one, row.name),
            next_source=next_one.sources[row.name],
        )

    def _without_path(self, message: str) -> str:
        return message.replace(str(self._folder.config), self._folder.config.name)
