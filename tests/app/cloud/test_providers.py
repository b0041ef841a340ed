"""How models of cloud providers are named, and what is remembered for them."""

import pytest

from corral.app.cloud.providers import PROVIDERS, cloud_model
from corral.app.cloud.thoughts import MOST, Thoughts


@pytest.mark.parametrize(
    ("written", "id"),
    [
        ("openai:gpt-4o", "openai:gpt-4o"),
        (" OpenAI:ft:gpt-4o:org::id ", "openai:ft:gpt-4o:org::id"),
        ("google:gemini-2.5-pro", "google:gemini-2.5-pro"),
        ("anthropic:claude-opus-4-6", "anthropic:claude-opus-4-6"),
        ("ahtnorpic:claude-opus-4-6", "anthropic:claude-opus-4-6"),
        ("llama:Q4_K_M", None),
        ("openai", None),
        ("gpt-4o", None),
    ],
)
def test_names(written: str, id: str | None) -> None:
    found = cloud_model(written)
    assert (None if found is None else found.id) == id


def test_settings() -> None:
    assert [each.key_setting for each in PROVIDERS.values()] == [
        "openai_api_key",
        "google_api_key",
        "anthropic_api_key",
    ]


def test_thoughts_are_forgotten_when_there_are_too_many() -> None:
    thoughts = Thoughts()
    for number in range(MOST + 1):
        thoughts.remember(str(number), number)
    assert (thoughts.of("0"), thoughts.of("1"), thoughts.of(str(MOST))) == (None, 1, MOST)
