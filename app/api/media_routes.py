"""The audio and images routes of OpenAI: checked here, answered by whoever has the model."""

from collections.abc import Awaitable, Callable, Sequence

from pydantic import BaseModel

from corral.app.api import answers
from corral.app.api.call import Call
from corral.app.api.route import JSON, Handler, Route
from corral.app.gateway.endpoint import GatewayRequest, GatewayResponse
from corral.app.gateway.principal import INFERENCE
from corral.app.openai import media
from corral.app.openai.validation import validated

Shape = type[BaseModel]
_ERRORS = (404, 429, 500, 502, 503, 504)
_SOUND, _TEXT = "application/octet-stream", "text/plain"


class MediaRoutes:
    """Handlers of /v1/audio and /v1/images."""

    def __init__(self, *, forward: Callable[[GatewayRequest], Awaitable[GatewayResponse]]) -> None:
        """`forward` is the gateway's."""
        self._forward = forward

    def routes(self) -> Sequence[Route]:
        rows: list[tuple[str, str, Shape, Shape | None, tuple[str, ...]]] = [
            (
                "audio/transcriptions",
                "Write down what is said",
                media.TranscriptionForm,
                answers.Spoken,
                (JSON, _TEXT),
            ),
            (
                "audio/translations",
                "Write down in English what is said",
                media.TranslationForm,
                answers.Spoken,
                (JSON, _TEXT),
            ),
            ("audio/speech", "Speak a text", media.SpeechRequest, None, (_SOUND,)),
            ("images/generations", "Make pictures", media.ImageGenerationRequest, answers.Pictures, (JSON,)),
            ("images/edits", "Change pictures", media.ImageEditForm, answers.Pictures, (JSON,)),
            (
                "images/variations",
                "Make more of a picture",
                media.ImageVariationForm,
                answers.Pictures,
                (JSON,),
            ),
        ]
        return [
            Route(
                method="POST",
                path=f"/v1/{path}",
                handler=self._handler(body),
                summary=summary,
                access=INFERENCE,
                body=body,
                form=body not in (media.SpeechRequest, media.ImageGenerationRequest),
                answer=answer,
                answer_types=types,
                errors=_ERRORS,
                needs_ready=True,
                recorded=True,
            )
            for path, summary, body, answer, types in rows
        ]

    def _handler(self, shape: Shape) -> Handler:
        async def handler(call: Call) -> GatewayResponse:
            request = call.inference()
            validated(shape, call.json)
            return await self._forward(request)

        return handler
