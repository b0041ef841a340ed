"""How a command ends when it can't do what was asked."""

from typing import ClassVar

FAILED = 1  # 2 is wrong usage and wrong settings
WRONG_SETTING = 2
NOT_RUNNING = 3


class CommandError(Exception):
    """The message is for the person who typed the command."""

    exit_code: ClassVar[int] = FAILED

    def __init__(self, message: str, *, code: str | None = None) -> None:
        """`code` is that of a node's error answer."""
        super().__init__(message)
        self.code = code


class NodeNotRunning(CommandError):
    """No node answers on this data folder."""

    exit_code = NOT_RUNNING

    def __init__(self) -> None:
        super().__init__("no node is running. Start one with `corral serve`.")


class WrongSetting(CommandError):
    """A setting or option has a value that can't be used."""

    exit_code = WRONG_SETTING
