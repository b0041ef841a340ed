"""What the pool may take, and how long things may last."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """Settings of the pool. None means no limit."""

    max_loaded: int | None = None  # models
    max_memory_bytes: int | None = None  # all loaded models together
    idle_timeout_s: float | None = 900.0  # unload a model that nobody used for so long
    queue_max: int = 1024  # requests that wait for models to load, all models together
    queue_timeout_s: float = 60.0  # a model waits so long for busy ones to make room
    load_timeout_s: float = 300.0  # a request waits so long for its model, room and loading together
    retry_failed_s: float = 30.0  # a model that failed to load is not tried again before
    crash_limit: int = 3  # so many crashes …
    crash_window_s: float = 300.0  # … in so many seconds, and the model is given up
    restart_backoff_s: float = 1.0  # pause before the second restart; doubles with each crash
    rescan_interval_s: float = 30.0  # look for new and changed files
    sweep_interval_s: float = 5.0  # look for idle models
    stop_grace_s: float = 5.0  # a worker that doesn't end by then is killed
