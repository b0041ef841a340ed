"""What can be wrong with keys, certificates and sealed secrets.

IdentityError     this machine's own key can't be read or made
BadCertificate    what should be a node's certificate isn't one
BrokenSeal        a sealed secret was changed, or sealed with another key or for another purpose
"""


class IdentityError(Exception):
    """This machine's own key can't be read or made; the message says what to do."""


class BadCertificate(Exception):
    """What should be a node's certificate isn't one."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Not a certificate of a Corral machine: {reason}.")


class BrokenSeal(Exception):
    """A sealed secret was changed, or sealed with another key or for another purpose."""

    def __init__(self) -> None:
        super().__init__(
            "A stored secret can't be opened with this cluster's key: it was changed, or comes from another"
            " cluster. Enter it again."
        )
