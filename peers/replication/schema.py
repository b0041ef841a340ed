"""Which tables and columns are replicated. Times are Unix time in seconds.

A column's name says how it merges (`cell.only_grows`); what stands here only says what may be written and how it is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from corral.peers.replication.cell import only_grows

Kind = Literal["text", "integer", "number", "boolean", "hex", "json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. A row without a `required` one isn't there yet; any other one reads as None until it is written."""

    name: str
    kind: Kind
    required: bool = False
    unique: bool = False  # whatever the case of its letters: of two rows with one name the later is renamed

    @property
    def set_once(self) -> bool:
        """Whether its value can only grow."""
        return only_grows(self.name)


@dataclass(frozen=True, slots=True)
class Table:
    """One replicated table."""

    name: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((each for each in self.columns if each.name == name), None)

    @property
    def unique_column(self) -> Column | None:
        """The column whose values differ from row to row."""
        return next((each for each in self.columns if each.unique), None)


def _columns(kind: Kind, names: str, *, required: bool = True, unique: bool = False) -> tuple[Column, ...]:
    return tuple(Column(name=name, kind=kind, required=required, unique=unique) for name in names.split())


def _optional(kind: Kind, names: str) -> tuple[Column, ...]:
    return _columns(kind, names, required=False)


_MADE = _columns("number", "created_at")

TABLES: Final[Mapping[str, Table]] = MappingProxyType(
    {
        table.name: table
        for table in (
            Table(
                "members",
                _columns("text", "name certificate")
                + _columns("number", "approved_at")
                + _optional("text", "approved_by joined_with")  # joined_with: id of a join token
                + _optional("number", "revoked_at"),
            ),
            Table(
                "join_tokens",  # for machines that nobody can click on
                _columns("hex", "digest")
                + _columns("integer", "uses")
                + _MADE
                + _columns("number", "expires_at")
                + _optional("text", "created_by")
                + _optional("number", "revoked_at"),
            ),
            Table(
                "users",
                _columns("text", "username", unique=True)
                + _columns("text", "password_hash role")
                + _MADE
                + _optional("number", "sessions_valid_after disabled_at")
                + _optional("json", "rehash"),  # the same password, hashed anew; says of which hash
            ),
            Table(
                "api_keys",
                _columns("text", "name key_prefix scopes")
                + _columns("hex", "digest")
                + _MADE
                + _optional("number", "expires_at revoked_at")
                + _optional(
                    "integer", "requests_per_minute requests_per_day tokens_per_minute tokens_per_day"
                ),
            ),
            Table(
                "invitations",
                _columns("hex", "digest")
                + _columns("text", "code_prefix")
                + _MADE
                + _columns("number", "expires_at")
                + _optional("text", "created_by used_by")
                + _optional("number", "used_at"),
            ),
            Table(
                "endpoints",
                _columns("text", "name", unique=True)
                + _columns("text", "base_url")
                + _MADE
                + _optional("text", "wanted_kind found_kind notes")
                + _optional("text", "sealed_key")  # encrypted with the cluster's key
                + _optional("boolean", "enabled")
                + _optional("integer", "health_check_interval_s inference_timeout_s found_slots")
                + _optional("number", "weight synced_at"),
            ),
            Table(  # what an endpoint serves, in parts that fit a cell
                "endpoint_models",
                _columns("text", "endpoint") + _columns("integer", "part") + _columns("json", "models"),
            ),
            Table(
                "runtimes",  # that registered by HTTP
                _columns("text", "machine_name address version")
                + _columns("integer", "runtime_port api_port")
                + _columns("boolean", "gpu_available")
                + _columns("hex", "digest")  # of its token
                + _MADE
                + _columns("number", "registered_at")
                + _optional("text", "only_from")  # id of the one node that reaches it
                + _optional("boolean", "disconnected")
                + _optional("json", "gpus settings"),
            ),
            Table("models", _columns("text", "name", unique=True) + _columns("json", "source") + _MADE),
            Table(
                "aliases",  # targets: names of models, a list
                _columns("text", "name", unique=True) + _columns("json", "targets") + _MADE,
            ),
            Table("settings", _columns("json", "value")),  # the id is the setting's name
            Table("secrets", _columns("text", "sealed")),  # encrypted; the id says what for
            Table("recent_revoked_sessions", _columns("number", "revoked_at")),  # the id is the token's
            Table(
                "recent_usage",  # one row for each span of time, node, key and model; its node alone writes it
                _columns("integer", "started_at")
                + _columns("text", "node model")
                + _optional("text", "api_key_id")
                + _optional(
                    "integer",
                    "requests_total failures_total refusals_total "
                    "prompt_tokens_total cached_tokens_total completion_tokens_total",
                )
                + _optional("number", "duration_s_total"),
            ),
        )
    }
)
