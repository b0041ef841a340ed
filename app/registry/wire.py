"""What one machine asks of another about registered models, as JSON over the peer port.

POST /peer/pull      an `Order`: download this model; answered with a `CopyLive`
POST /peer/remove    `Remove`: remove a model's files; answered with `Removed`
A refusal has status 400, 404, 409, 502 or 507 and says why as `Refusal`.
"""

import msgspec

from corral.app.serving.load_report import Count, Name

PULL_PATH = "/peer/pull"
REMOVE_PATH = "/peer/remove"


class Remove(msgspec.Struct, frozen=True, kw_only=True):
    """Remove a model's files."""

    model: Name


class Removed(msgspec.Struct, frozen=True, kw_only=True):
    """They are gone."""

    freed_bytes: Count = 0
