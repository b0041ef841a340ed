"""The table of settings: each field says its type, default, kind, help and older names. Everything else derives from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from corral.app import setting_kinds as kinds
from corral.app.model_options import ModelOptions
from corral.app.setting_kinds import Kind

ENVIRONMENT_PREFIX = "CORRAL_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One row of the table."""

    name: str
    kind: Kind
    help: str
    default: object  # None: no limit, or worked out at start; then `default_text` says how
    default_text: str
    legacy: tuple[str, ...]  # environment variables of older programs, the first one set counts
    standard: tuple[str, ...]  # environment variables that everybody uses for this
    secret: bool
    in_file: bool  # may stand in config.toml
    cluster: bool  # may be set for all machines of the cluster; see cluster_settings

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return ENVIRONMENT_PREFIX + self.name.upper()


def _setting(
    kind: Kind,
    help: str,
    *,
    default: object = None,
    default_text: str = "",
    legacy: tuple[str, ...] = (),
    standard: tuple[str, ...] = (),
    secret: bool = False,
    in_file: bool = True,
    cluster: bool = False,
) -> Any:
    row = Setting(
        name="",  # the field's, see _rows
        kind=kind,
        help=help,
        default=default,
        default_text=default_text or shown(default),
        legacy=legacy,
        standard=standard,
        secret=secret,
        in_file=in_file,
        cluster=cluster,
    )
    return field(metadata={"setting": row}, repr=not secret)


def shown(value: object) -> str:
    """A value as people write it."""
    if value is None or value == ():
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting's value. `sources` says where each comes from in words, `notices` what a user should change.

    `arguments` is what the command line gave, for reading them again.
    """

    host: str = _setting(
        kinds.TEXT,
        "Address that the HTTP port listens on; 127.0.0.1 keeps it to this machine.",
        default="0.0.0.0",
        legacy=("LLMLB_HOST", "ROUTER_HOST", "LLM_RUNTIME_BIND_ADDRESS", "LLM_BIND_ADDRESS"),
    )
    port: int = _setting(
        kinds.PORT,
        "HTTP port for clients. 0 picks a free one.",
        default=32768,
        legacy=("LLMLB_PORT", "ROUTER_PORT"),
    )
    peer_port: int = _setting(
        kinds.PORT,
        "Port for the other machines of the cluster. 0 picks a free one.",
        default=32769,
        legacy=("LLM_RUNTIME_PORT",),
    )
    discovery: bool = _setting(
        kinds.BOOLEAN,
        "Whether to find other machines on the local network, and be found; never where `host` is this machine only.",
        default=True,
    )
    network: str | None = _setting(
        kinds.TEXT,
        "Name or address of the one network interface on which to find other machines.",
        default_text="the ones that look like a local network",
    )
    peers: tuple[str, ...] = _setting(
        kinds.WORDS,
        "Machines that are not found by themselves: names or addresses, with the peer port if it isn't 32769.",
        default=(),
    )
    router: str = _setting(
        kinds.ROUTER,
        "Whether this machine should be the router: `auto`, `prefer` or `never`.",
        default="auto",
    )
    join_automatically: bool = _setting(
        kinds.BOOLEAN,
        "Whether a fresh machine asks to join the cluster that it finds; somebody there has to approve it.",
        default=True,
    )
    join_token: str | None = _setting(
        kinds.TEXT,
        "A token of `corral cluster invite`: a machine that is on its own joins with it.",
        secret=True,
    )
    node_name: str = _setting(kinds.TEXT, "What this machine is called.", default_text="the host name")
    data_dir: Path = _setting(  # noqa: RUF009 - makes a field
        kinds.PATH,
        "Folder for everything that Corral keeps: database, logs, models, config.toml.",
        default_text="the user's data folder of the platform",
        legacy=("LLMLB_DATA_DIR",),
        in_file=False,
    )
    models_dir: Path = _setting(  # noqa: RUF009 - makes a field
        kinds.PATH,
        "Folder with model files.",
        default_text="`models` in the data folder",
        legacy=("LLM_RUNTIME_MODELS_DIR", "LLM_MODELS_DIR"),
    )
    model_folders: tuple[Path, ...] = _setting(
        kinds.PATHS,
        "More folders with model files, only read: other programs' caches, network drives.",
        default=(),
    )
    copy_max_bytes_per_s: int | None = _setting(
        kinds.optional(kinds.SIZE),
        "Models are copied to and from other machines no faster than this, each way; e.g. `20MB`.",
    )
    copy_automatically: bool = _setting(
        kinds.BOOLEAN,
        "Whether the router copies a model to a second machine by itself when requests often wait for it.",
        default=False,
    )
    download_max_bytes_per_s: int | None = _setting(
        kinds.optional(kinds.SIZE), "Models are downloaded no faster than this; e.g. `20MB`."
    )
    hf_token: str | None = _setting(
        kinds.TEXT,
        "A token of the model hub, for models whose terms have to be accepted, and for a higher limit of requests.",
        standard=("HF_TOKEN",),
        secret=True,
    )
    hf_base_url: str = _setting(
        kinds.URL,
        "The model hub, or a mirror of it.",
        default="https://huggingface.co",
        standard=("HF_BASE_URL", "HF_ENDPOINT"),
    )
    origin_allowlist: tuple[str, ...] = _setting(
        kinds.WORDS,
        "From where models may be downloaded: HOST/PATH with `*`. The hub of `hf_base_url` may be used whatever stands here,"
        " and with huggingface.co go the hosts to which it sends for files.",
        default=("huggingface.co/*", "cdn-lfs.huggingface.co/*"),
        legacy=("LLM_RUNTIME_ORIGIN_ALLOWLIST", "LLM_ORIGIN_ALLOWLIST"),
    )
    log_level: str = _setting(
        kinds.LOG_LEVEL,
        "How much is logged.",
        default="info",
        legacy=("LLMLB_LOG_LEVEL", "LLM_RUNTIME_LOG_LEVEL", "LLM_LOG_LEVEL", "RUST_LOG", "LOG_LEVEL"),
    )
    log_dir: Path = _setting(  # noqa: RUF009 - makes a field
        kinds.PATH,
        "Folder for log files.",
        default_text="`logs` in the data folder",
        legacy=("LLMLB_LOG_DIR", "LLM_RUNTIME_LOG_DIR", "LLM_LOG_DIR"),
    )
    log_retention_days: int = _setting(
        kinds.whole_number(1),
        "Log files of older days are deleted.",
        default=7,
        legacy=("LLMLB_LOG_RETENTION_DAYS", "LLM_RUNTIME_LOG_RETENTION_DAYS", "LLM_LOG_RETENTION_DAYS"),
    )
    log_max_bytes: int = _setting(
        kinds.SIZE,
        "All log files together take no more than this; the oldest are deleted.",
        default=500_000_000,
        default_text="500MB",
    )
    model_idle_timeout_s: float | None = _setting(
        kinds.optional(kinds.SECONDS),
        "A model that nobody used for so long is unloaded.",
        default=900.0,
        legacy=("LLM_MODEL_IDLE_TIMEOUT",),
    )
    max_loaded_models: int | None = _setting(
        kinds.optional(kinds.whole_number(1)),
        "So many models are loaded at the same time at most.",
        legacy=("LLM_MAX_LOADED_MODELS",),
    )
    max_memory_bytes: int | None = _setting(
        kinds.optional(kinds.SIZE),
        "All loaded models together take no more memory than this.",
        legacy=("LLM_MAX_MEMORY_BYTES",),
    )
    model_queue_max: int = _setting(
        kinds.whole_number(1),
        "So many requests may wait for models to load; the next one gets 429.",
        default=1024,
    )
    model_queue_timeout_s: float = _setting(
        kinds.SECONDS, "A model waits so long for busy ones to make room; then 504.", default=60.0
    )
    queue_max: int = _setting(
        kinds.whole_number(1),
        "So many requests may wait for a free slot; the next one gets 429.",
        default=1024,
        legacy=("ROUTER_MAX_WAITERS",),
        cluster=True,
    )
    queue_timeout_secs: float = _setting(
        kinds.SECONDS, "A request waits so long for a free slot; then 504.", default=60.0, cluster=True
    )
    continue_streams: bool = _setting(
        kinds.BOOLEAN,
        "A stream that breaks off goes on at another endpoint with the same model file; the client sees one answer.",
        default=True,
        cluster=True,
    )
    load_balancer_mode: str = _setting(
        kinds.one_of("auto", "metrics", "round_robin"),
        "Who answers of several machines: `auto` (who is done first), `metrics` (whose processor, memory and cards have"
        " least to do) or `round_robin`.",
        default="auto",
        legacy=("LLMLB_LOAD_BALANCER_MODE", "LOAD_BALANCER_MODE"),
    )
    node_timeout: float = _setting(
        kinds.SECONDS,
        "A runtime that registered by HTTP and sent no heartbeat for so long is offline.",
        default=60.0,
        legacy=("LLMLB_NODE_TIMEOUT", "NODE_TIMEOUT"),
        cluster=True,
    )
    allow_no_gpu: bool = _setting(
        kinds.BOOLEAN,
        "Whether runtimes without a graphics card may register by HTTP.",
        default=True,
        legacy=("LLM_ALLOW_NO_GPU",),
        cluster=True,
    )
    keep_alive_s: float = _setting(
        kinds.SECONDS, "Pause between the comments that keep a silent stream open.", default=10.0
    )
    metrics: bool = _setting(kinds.BOOLEAN, "Whether `/metrics` answers.", default=True)
    tray: str = _setting(
        kinds.one_of("auto", "on", "off"),
        "Whether there is an icon in the tray: `auto` where there is a display, `off` nowhere; with `on` it is a mistake if"
        " there can be none.",
        default="auto",
    )
    cors_origins: tuple[str, ...] = _setting(
        kinds.WORDS,
        "Origins whose web pages may call `/v1`; `*` allows all.",
        default=(),
    )
    allowed_hosts: tuple[str, ...] = _setting(
        kinds.WORDS,
        "More host names that `/v0` answers to, besides this machine's own.",
        default=(),
    )
    response_retention_days: int = _setting(
        kinds.whole_number(1), "Responses of `/v1/responses` are kept so long.", default=7, cluster=True
    )
    history_retention_days: int = _setting(
        kinds.whole_number(1), "The history of requests is kept so long.", default=7, cluster=True
    )
    history: str = _setting(
        kinds.HISTORY,
        "What is kept of each request: `full`, `numbers` (who, when, how long, but no texts) or `off`.",
        default="full",
        cluster=True,
    )
    hold_history: bool = _setting(
        kinds.BOOLEAN,
        "Whether this machine may hold copies of other machines' history, with what was asked and answered.",
        default=True,
    )
    trust_loopback: bool = _setting(
        kinds.BOOLEAN,
        "Programs on this machine may use `/v1` without a key; whatever key they send is ignored unless it is valid.",
        default=False,
    )
    admin_username: str = _setting(
        kinds.TEXT,
        "The first administrator, made when the database is new.",
        default="admin",
        legacy=("LLMLB_ADMIN_USERNAME", "ADMIN_USERNAME"),
    )
    admin_password: str | None = _setting(
        kinds.long_text(8),
        "The first administrator's password.",
        default_text="a random one, shown once",
        legacy=("LLMLB_ADMIN_PASSWORD", "ADMIN_PASSWORD"),
        secret=True,
    )
    session_secret: str | None = _setting(
        kinds.long_text(32),
        "Signs the sessions of users; at least 32 characters. Changing it ends them all.",
        default_text="a random one, kept in the data folder",
        legacy=("LLMLB_JWT_SECRET", "JWT_SECRET"),
        secret=True,
    )
    openai_api_key: str | None = _setting(
        kinds.TEXT,
        "OpenAI's key, for the models `openai:…`; `corral cloud set` sets one for the whole cluster.",
        standard=("OPENAI_API_KEY",),
        secret=True,
    )
    google_api_key: str | None = _setting(
        kinds.TEXT,
        "Google's key, for the models `google:…`; `corral cloud set` sets one for the whole cluster.",
        standard=("GOOGLE_API_KEY",),
        secret=True,
    )
    anthropic_api_key: str | None = _setting(
        kinds.TEXT,
        "Anthropic's key, for the models `anthropic:…`; `corral cloud set` sets one for the whole cluster.",
        standard=("ANTHROPIC_API_KEY",),
        secret=True,
    )
    openai_base_url: str = _setting(
        kinds.TEXT,
        "Where OpenAI, or something that speaks like it, answers for the models `openai:…`.",
        default="https://api.openai.com",
        standard=("OPENAI_BASE_URL",),
    )
    google_api_base_url: str = _setting(
        kinds.TEXT,
        "Where Google's Gemini API answers for the models `google:…`.",
        default="https://generativelanguage.googleapis.com/v1beta",
        standard=("GOOGLE_API_BASE_URL",),
    )
    anthropic_api_base_url: str = _setting(
        kinds.TEXT,
        "Where Anthropic answers for the models `anthropic:…`.",
        default="https://api.anthropic.com",
        standard=("ANTHROPIC_API_BASE_URL",),
    )
    cloud_timeout_secs: float = _setting(
        kinds.SECONDS, "A cloud provider may be silent for so long; then 504.", default=600.0
    )
    bootstrap_api_key: str | None = _setting(
        kinds.KEY,
        "The first API key, made when the database is new; for containers and scripts.",
        default_text="a random key, shown once",
        secret=True,
    )
    models: ModelOptions = field(default_factory=ModelOptions)
    sources: Mapping[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    arguments: Mapping[str, object] = field(default_factory=dict, repr=False)


def _rows() -> tuple[Setting, ...]:
    rows = [(each.name, each.metadata.get("setting")) for each in fields(Settings)]
    return tuple(replace(row, name=name) for name, row in rows if isinstance(row, Setting))


TABLE = _rows()
