"""What a machine writes of itself into the members. Pure."""

from collections.abc import Mapping

from corral.peers.identity.certificate import Certificate
from corral.peers.ids import NodeId
from corral.peers.pairing.roster import Roster


def own_row(
    roster: Roster, node: NodeId, *, name: str, certificate: Certificate, joined: bool, now: float
) -> Mapping[str, object]:
    """The columns to write: all for a cluster's first machine, the name where it is another one now, else none.

    `joined`: the state comes from others, so what they say of this machine is here or to come. `now` is Unix time.
    """
    own = roster.members.get(node)
    if own is not None:
        return {"name": name} if _is_another(name, own.name) else {}
    if joined or node in roster.revoked:
        return {}
    return {"name": name, "certificate": certificate.pem, "approved_at": now}


def _is_another(now: str, before: str) -> bool:
    """Beside another `desk` one is called `desk-2`."""
    now, before = now.casefold(), before.casefold()
    return before != now and not before.startswith(f"{now}-")
