"""The menu of the icon, as plain data: made anew from each view, and shown only if it is another one. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from corral.app.desktop import words
from corral.app.desktop.look import Look
from corral.app.desktop.view import LocalModel, View

MOST_MACHINES = 40
MOST_MODELS = 40


class Kind(StrEnum):
    """What an item asks for."""

    OPEN = "open"
    COPY_URL = "copy_url"
    COPY_KEY = "copy_key"
    APPROVE = "approve"  # target: the request's id
    LOAD = "load"  # target: the model's name
    UNLOAD = "unload"
    PAUSE = "pause"
    RESUME = "resume"
    START_AT_LOGIN = "start_at_login"
    DONT_START_AT_LOGIN = "dont_start_at_login"
    RESTART = "restart"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Order:
    """What happens when somebody clicks."""

    kind: Kind
    target: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line. Without an order it is there to be read."""

    text: str
    order: Order | None = None
    checked: bool | None = None  # None: no mark is possible
    default: bool = False
    children: tuple["Item", ...] = ()

    @property
    def enabled(self) -> bool:
        return self.order is not None or bool(self.children)


SEPARATOR = Item(text="")


def menu_of(view: View, look: Look, *, at_login: bool | None) -> tuple[Item, ...]:
    """`at_login`: whether it starts at login; None: that can't be changed here."""
    running = view.status == "ok"
    items = [
        Item(text=words.OPEN, order=Order(Kind.OPEN) if running else None, default=True),
        Item(text=words.status_line(view, look)),
        SEPARATOR,
    ]
    if running:
        pause = Kind.RESUME if view.paused else Kind.PAUSE
        items += [
            Item(text=words.COPY_URL, order=Order(Kind.COPY_URL)),
            Item(text=words.COPY_KEY, order=Order(Kind.COPY_KEY)),
            SEPARATOR,
            Item(text=words.MACHINES, children=_machines(view)),
            Item(text=words.MODELS, children=_models(view)),
            Item(text=words.PAUSE, order=Order(pause), checked=view.paused),
            SEPARATOR,
        ]
    if at_login is not None:
        login = Kind.DONT_START_AT_LOGIN if at_login else Kind.START_AT_LOGIN
        items.append(Item(text=words.AUTOSTART, order=Order(login), checked=at_login))
    items += [
        Item(text=words.RESTART, order=Order(Kind.RESTART)),
        Item(text=words.QUIT, order=Order(Kind.QUIT)),
    ]
    return tuple(items)


def _machines(view: View) -> tuple[Item, ...]:
    waiting = [
        Item(text=words.approve_line(each.name, each.code), order=Order(Kind.APPROVE, each.id))
        for each in view.requests
    ]
    there = [Item(text=words.machine_line(each)) for each in view.machines[:MOST_MACHINES]]
    return (*waiting, *([SEPARATOR] if waiting else []), *there)


def _models(view: View) -> tuple[Item, ...]:
    if not view.models:
        return (Item(text=words.NO_MODELS),)
    return tuple(_model(each) for each in view.models[:MOST_MODELS])


def _model(model: LocalModel) -> Item:
    text = words.model_line(model.name, "error" if model.broken else model.lifecycle)
    if model.broken or model.lifecycle == "loading":
        return Item(text=text)
    kind = Kind.UNLOAD if model.loaded else Kind.LOAD
    return Item(text=text, order=Order(kind, model.name), checked=model.loaded)
