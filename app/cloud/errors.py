"""What can go wrong with a cloud provider.

EngineError
└── CloudFailed              the provider can't be reached, or answered with a server error
    ├── CloudKeyRefused      it doesn't accept the key that is set for it
    ├── CloudTimeout         it didn't answer in time
    └── AnswerCutOff         its answer ended before its end
"""

from corral.engines.errors import EngineError


class CloudFailed(EngineError):
    code = "endpoint_failed"


class CloudKeyRefused(CloudFailed):
    code = "cloud_key_refused"

    def __init__(self, title: str, name: str, status: int) -> None:
        super().__init__(
            f"{title} refuses the API key that is set for it here (status {status}); an administrator can set "
            f"another one: `corral cloud set {name}`"
        )


class CloudTimeout(CloudFailed):
    code = "endpoint_timeout"


class AnswerCutOff(CloudFailed):
    def __init__(self, title: str) -> None:
        super().__init__(f"{title} broke off its answer; try again")
