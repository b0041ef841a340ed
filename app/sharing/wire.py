"""What the router asks of a machine about its sharing, as JSON over the peer port. Unknown fields are ignored.

POST /peer/sharing   `Choice`: work for others or not; answered with the same, as it is then
"""

import msgspec

SHARING_PATH = "/peer/sharing"
MOST_BYTES = 1024


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it works for itself only."""

    paused: bool
