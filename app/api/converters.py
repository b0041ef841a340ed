"""Parts of paths that werkzeug has no word for."""

from werkzeug.routing import BaseConverter


class ModelName(BaseConverter):
    """`<model:name>` below /v0/models: with slashes, and not what is a route of its own there."""

    regex = r"(?!(?:blob|copies|copy|pull|register|registry)(?:/|$))[^/].*?"
    weight = 200  # as werkzeug's `path`: after all others
    part_isolating = False


CONVERTERS = {"model": ModelName}  # by the name that paths use
