"""Which icon stands for how a node is. Pure, and without the drawing of it."""

from enum import StrEnum

from corral.app.desktop.view import View


class Look(StrEnum):
    """What the icon in the tray says."""

    STARTING = "starting"
    ALONE = "alone"
    SERVING = "serving"  # in a cluster whose router is another machine
    ROUTER = "router"
    PAUSED = "paused"
    PROBLEM = "problem"


def look_of(view: View) -> Look:
    """The most serious comes first."""
    if view.status == "gone":
        return Look.PROBLEM
    if view.status != "ok":
        return Look.STARTING
    if view.trouble is not None:
        return Look.PROBLEM
    if view.paused:
        return Look.PAUSED
    return {"router": Look.ROUTER, "follower": Look.SERVING}.get(view.role, Look.ALONE)
