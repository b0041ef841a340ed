"""What all shapes of JSON documents are made of."""

from pydantic import BaseModel, ConfigDict


class _First(BaseModel):
    """Built at once: with the first validator of a program Pydantic looks for its plugins on the disk, which no request waits for."""


class JsonShape(BaseModel):
    """Its validator is built when it is first needed: there are hundreds of shapes, and most nodes never see most of them."""

    model_config = ConfigDict(defer_build=True)
