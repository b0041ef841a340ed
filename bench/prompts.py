"""Prompts: the same for every server, different for every client and round."""

import random

_HEROES = (
    "a heron",
    "two sailors",
    "the baker",
    "an old clock",
    "my aunt",
    "a fox",
    "the lighthouse",
    "a violin",
)
_VOCABULARY = (
    "the a one some river stone winter garden letter paper window bread kitchen train street music morning evening "
    "light water story friend market summer table road house small quiet green early young strange warm slow found "
    "carried opened crossed remembered painted watched left kept heard with under over beside before after and but "
    "because while then"
)
_WORDS = _VOCABULARY.split()
_WORDS_PER_TOKEN = 0.9


def story(number: int) -> str:
    """A short prompt whose answer is long; no two begin alike."""
    return (
        f"Chapter {number}. Write a very long and detailed story about {_HEROES[number % len(_HEROES)]} "
        f"in the year {1500 + number}, with many characters and places."
    )


def text(number: int, tokens: int) -> str:
    """English-looking text of about that many tokens; no two numbers give texts that begin alike."""
    source = random.Random(number)
    words = round(tokens * _WORDS_PER_TOKEN)
    sentences = []
    while words > 0:
        length = min(words, source.randint(8, 16))
        sentences.append(" ".join(source.choice(_WORDS) for _ in range(length)).capitalize() + ".")
        words -= length
    return f"Text {number}: " + " ".join(sentences)


def question(about: str, number: int) -> str:
    """A text with a question behind it: what shares the text shares its beginning."""
    return f"{about}\n\nQuestion {number}: what happens in the text above? Answer in one sentence."
