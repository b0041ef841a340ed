"""What can go wrong with a cloud provider.

UpstreamError
└── CloudFailed              it can't be reached, or answered with a server error
    ├── CloudKeyRefused      it doesn't accept the key that is set for it
    ├── CloudTimeout         it didn't answer in time
    └── AnswerCutOff         its answer ended before its end
CloudRefused                 a 4xx: the request is what is wrong, or there are too many; no fault of the endpoint
"""

from collections.abc import Mapping
from typing import Any

from corral.app.upstream.errors import UpstreamError


class CloudFailed(UpstreamError):
    code = "endpoint_failed"


class CloudKeyRefused(CloudFailed):
    code = "cloud_key_refused"

    def __init__(self, title: str, name: str, status: int, said: str = "") -> None:
        super().__init__(
            f"{title} refuses the API key that is set for it here (status {status}); an administrator can set "
            f"another one: `corral cloud set {name}`{f'. It said: {said}' if said else ''}"
        )


class CloudTimeout(CloudFailed):
    code = "endpoint_timeout"


class AnswerCutOff(CloudFailed):
    def __init__(self, title: str) -> None:
        super().__init__(f"{title} broke off its answer; try again")


class CloudRefused(Exception):
    """`told` is OpenAI's error object."""

    def __init__(self, status: int, told: Mapping[str, Any], *, retry_after_s: int | None = None) -> None:
        super().__init__(told.get("message"))
        self.status = status
        self.told = told
        self.retry_after_s = retry_after_s
