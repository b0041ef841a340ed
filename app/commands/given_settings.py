"""The settings of a command: its options, the environment, the configuration file."""

import os
from collections.abc import Mapping

from corral.app.commands.errors import WrongSetting
from corral.app.settings import SettingsError, load_settings
from corral.app.settings_table import Settings


def settings_of(arguments: Mapping[str, object]) -> Settings:
    """Raises WrongSetting."""
    try:
        return load_settings(arguments=arguments, environ=os.environ)
    except SettingsError as error:
        raise WrongSetting(str(error)) from error
