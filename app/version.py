"""This program's version, as it was installed."""

from importlib.metadata import version


def program_version() -> str:
    """For example "0.1.0"."""
    return version("corral")
