"""What the shell offers when Tab is pressed: names of settings, models and keys. Quick, silent, never an error."""

import typer

_MODEL_SUFFIXES = (".gguf", ".echo")


def complete_setting(incomplete: str) -> list[tuple[str, str]]:
    """Settings whose names begin so, with what they mean."""
    from corral.app.settings_table import TABLE

    return [(row.name, row.help) for row in TABLE if row.name.startswith(incomplete)]


def complete_model(context: typer.Context, incomplete: str) -> list[str]:
    """Models whose names begin so: of the running node, else the files' names in the models folder."""
    from corral.app.commands.errors import CommandError
    from corral.app.commands.given_settings import settings_of
    from corral.app.commands.node_client import NodeClient

    try:
        settings = settings_of({"data_dir": context.params.get("data_dir")})
        try:
            with NodeClient.of(settings) as node:
                names = [model["name"] for model in node.models()]
        except CommandError:
            names = [
                path.stem.lower()
                for path in settings.models_dir.iterdir()
                if path.suffix.lower() in _MODEL_SUFFIXES
            ]
    except (CommandError, OSError):
        return []
    return sorted(name for name in names if name.startswith(incomplete))


def complete_key(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of valid API keys that begin so, with the keys' names; of the running node only."""
    from corral.app.commands.errors import CommandError
    from corral.app.commands.given_settings import settings_of
    from corral.app.commands.node_client import NodeClient

    try:
        with NodeClient.of(settings_of({"data_dir": context.params.get("data_dir")})) as node:
            keys = node.keys()
    except (CommandError, OSError):
        return []
    return [
        (key["id"], key["name"])
        for key in keys
        if key["revoked_at"] is None and key["id"].startswith(incomplete)
    ]
