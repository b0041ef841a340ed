"""Which requests each node answers itself, as the route table says. Pure."""

from collections.abc import Iterable

from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Map

from corral.app.api.converters import CONVERTERS
from corral.app.api.route import Route
from corral.app.api.rules import MatchingRule


class Locality:
    """Knows where the route of a request is answered."""

    def __init__(self, routes: Iterable[Route]) -> None:
        table = tuple(routes)
        self._local = {_name(route) for route in table if route.node_local}
        rules = [MatchingRule(each.path, endpoint=_name(each), methods=[each.method]) for each in table]
        self._map = Map(rules, converters=CONVERTERS, merge_slashes=False).bind("")

    def is_local(self, method: str, path: str) -> bool:
        """Whether each node answers it itself. Unknown paths are the router's, which may be of a newer version."""
        try:
            endpoint, _ = self._map.match(path, method=method)
        except MethodNotAllowed as error:
            return any(self.is_local(each, path) for each in error.valid_methods or ())
        except HTTPException:
            return False
        return endpoint in self._local


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"
