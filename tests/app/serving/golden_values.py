"""One of everything that travels between peers; `golden/` has it as each version wrote it, in hexadecimal."""

from pathlib import Path

from corral.app.serving.infer_wire import InferCall
from corral.app.serving.load_report import (
    GpuLive,
    GpuReport,
    LiveReport,
    ModelLive,
    ModelReport,
    StaticReport,
)
from corral.engines.events import (
    Done,
    EmbeddingResult,
    Event,
    Failed,
    Finished,
    RerankResult,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)
from corral.engines.requests import (
    ChatRequest,
    CompletionRequest,
    EmbeddingRequest,
    Generation,
    JsonSchema,
    Message,
    RerankRequest,
    Sampling,
    Tool,
    ToolCall,
    ToolChoice,
)

_GOLDEN = Path(__file__).parent / "golden"

CALLS = {
    "call_chat": InferCall(
        model="m:Q4_1",
        request=ChatRequest(
            messages=(
                Message(role="system", content="é"),
                Message(role="assistant", tool_calls=(ToolCall(id="c", name="f", arguments="{}"),)),
                Message(role="tool", content="1", tool_call_id="c"),
            ),
            generation=Generation(
                sampling=Sampling(temperature=0.5, logit_bias={7: -1.0}, seed=3),
                max_tokens=9,
                stop=("x",),
                n=2,
                top_logprobs=1,
                output_format=JsonSchema(schema={"type": "object"}),
            ),
            tools=(Tool(name="f", parameters={"type": "object"}),),
            tool_choice=ToolChoice(mode="named", name="f"),
            template_variables={"enable_thinking": False},
        ),
    ),
    "call_completion": InferCall(model="m", request=CompletionRequest(prompt=(1, 2), echo=True)),
    "call_embedding": InferCall(model="m", request=EmbeddingRequest(inputs=("a", (1,)), dimensions=2)),
    "call_rerank": InferCall(model="m", request=RerankRequest(query="q", documents=("a", "b"))),
}

EVENTS: tuple[Event, ...] = (
    Started(prompt_tokens=5, cached_tokens=2),
    TextDelta(index=0, text="é"),
    TextDelta(
        index=1,
        text="t",
        reasoning=True,
        logprobs=(
            TokenLogprob(
                token="t",
                logprob=-0.5,
                data=b"t",
                top=(TokenLogprob(token="u", logprob=-1.5, data=b"\xff"),),
            ),
        ),
    ),
    ToolCallDelta(index=0, call=0, id="c", name="f"),
    ToolCallDelta(index=0, call=0, arguments="{}"),
    Finished(index=0, reason="tool_calls"),
    EmbeddingResult(vectors=(b"\0\0\x80\x3f",)),
    RerankResult(scores=(0.25, -1.0)),
    Done(prompt_tokens=5, completion_tokens=3, cached_tokens=2, reasoning_tokens=1),
    Failed(code="queue_full", message="try again", param="model"),
)

STATIC = StaticReport(
    digest=b"12345678",
    models=(
        ModelReport(
            name="tiny:Q4_1",
            stem="tiny.Q4_1",
            quantization="Q4_1",
            architecture="llama",
            capabilities=("chat", "completion"),
            context_length=2048,
            size_bytes=98_362_432,
            created=1_700_000_000,
            sha256="ab" * 32,
            prefixes=(b"abcdefgh",),
        ),
        ModelReport(name="broken", error="is truncated"),
    ),
    program="0.1.0",
    cores=8,
    memory_bytes=2**34,
    gpus=(GpuReport(name="card", memory_bytes=2**33),),
)

LIVE = LiveReport(
    digest=b"12345678",
    cpu_percent=12,
    memory_percent=34,
    gpus=(GpuLive(used_percent=56, memory_percent=78, celsius=60),),
    battery_percent=90,
    on_battery=True,
    in_use=False,
    models=(
        ModelLive(
            model=0,
            slots=8,
            context_length=1024,
            active=2,
            waiting=1,
            decode_tenths=405,
            prefill_tenths=4000,
            speed_tenths=305,
            prefixes=(b"ABCDEFGH",),
        ),
        ModelLive(model=1, state="error", error="is truncated"),
    ),
)


def golden(name: str) -> bytes:
    """As version 1 wrote it."""
    return bytes.fromhex((_GOLDEN / f"{name}.v1.hex").read_text(encoding="ascii"))
