"""What settings are about: the groups in which people see them. A test holds that each setting is in one."""

from collections.abc import Mapping
from types import MappingProxyType

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "network": (
            "host",
            "port",
            "peer_port",
            "cors_origins",
            "allowed_hosts",
            "metrics",
            "trust_loopback",
        ),
        "cluster": (
            "node_name",
            "router",
            "discovery",
            "network",
            "peers",
            "join_automatically",
            "join_token",
        ),
        "requests": (
            "queue_max",
            "queue_timeout_secs",
            "load_balancer_mode",
            "continue_streams",
            "keep_alive_s",
            "allow_no_gpu",
            "node_timeout",
        ),
        "models": (
            "models_dir",
            "model_folders",
            "model_idle_timeout_s",
            "max_loaded_models",
            "max_memory_bytes",
            "model_queue_max",
            "model_queue_timeout_s",
        ),
        "downloads": (
            "hf_token",
            "hf_base_url",
            "origin_allowlist",
            "download_max_bytes_per_s",
            "copy_max_bytes_per_s",
            "copy_automatically",
        ),
        "cloud": (
            "openai_api_key",
            "openai_base_url",
            "google_api_key",
            "google_api_base_url",
            "anthropic_api_key",
            "anthropic_api_base_url",
            "cloud_timeout_secs",
        ),
        "records": (
            "history",
            "history_retention_days",
            "hold_history",
            "response_retention_days",
            "log_level",
            "log_dir",
            "log_retention_days",
            "log_max_bytes",
        ),
        "system": ("data_dir", "tray", "session_secret"),
        "first_start": ("admin_username", "admin_password", "bootstrap_api_key"),
    }
)

GROUP_OF: Mapping[str, str] = MappingProxyType(
    {name: group for group, names in GROUPS.items() for name in names}
)
