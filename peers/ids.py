"""Ids as types: which text means what."""

from typing import NewType

NodeId = NewType("NodeId", str)  # of a machine: base32 of the SHA-256 of its public key
ClusterId = NewType("ClusterId", str)  # random, 128 bits in hexadecimal
