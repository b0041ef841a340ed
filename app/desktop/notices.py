"""What people are told of without having asked: the differences between two views that matter to them. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from corral.app.desktop.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notification."""

    title: str
    text: str


def notices(before: View, after: View) -> Iterator[Notice]:
    """Machines that ask to join, another router, models that have come."""
    known = {each.id for each in before.requests}
    for request in after.requests:
        if request.id not in known:
            yield Notice(
                title=f"{request.name} wants to join",
                text=f"It shows the code {request.code}. If that is so, let it in: Machines in this menu, or the dashboard.",
            )
    if after.joining_code is not None and after.joining_code != before.joining_code:
        yield Notice(
            title=f"Asking to join {after.joining_cluster or 'a cluster'}",
            text=f"Somebody there has to let this machine in. Its code is {after.joining_code}.",
        )
    if before.status == after.status == "ok":
        yield from _running(before, after)


def _running(before: View, after: View) -> Iterator[Notice]:
    if None not in (before.router, after.router) and before.router != after.router:
        yield Notice(title="Another router", text=f"{after.router} is the router of {after.cluster} now.")
    had = {each.name for each in before.models}
    for model in after.models:
        if model.name not in had and not model.broken:
            yield Notice(title="A model is here", text=f"{model.name} can be used now.")
