"""The program: composition root, settings, store, gateway, HTTP API and command line."""

from importlib.metadata import version

__version__ = version("corral")
