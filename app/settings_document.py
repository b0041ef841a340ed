"""docs/settings.md, made from the table of settings."""

from corral.app.settings_table import TABLE, Setting
from corral.engines.model import LoadOptions

_HEAD = """# Settings

This page is made by `corral settings --markdown`; a test fails when it is out of date.

A setting comes from the first of these that names it: the command line (`--port 8080`), the environment
(`CORRAL_PORT=8080`), the file `config.toml` in the data folder (`port = 8080`), the default. `corral settings` shows
the values in force and where each comes from.

Relative paths start at the current folder, in `config.toml` at the data folder.
"""

_MODELS = """## Models

How models are loaded stands in `config.toml` only: `[models.default]` for all, `[models."name"]` for one, which wins.
What is not set, Corral chooses by the size of the model and the memory that is free.

```toml
[models.default]
max_sequences = 8

[models."smollm2-135m-instruct"]
context_length = 4096
```

| option | |
|---|---|
"""

_OPTION_HELP = {
    "context_length": "tokens of one conversation at most",
    "cache_tokens": "tokens in the KV cache, shared by all conversations",
    "max_sequences": "answers that are generated at the same time",
    "batch_tokens": "tokens of one decode step",
    "threads": "processor threads",
    "gpu_layers": "layers kept on the graphics card; 0 for none",
    "flash_attention": "true or false",
    "memory_bytes": "bytes that its weights and cache may take at most",
}

_OLD_NAMES = """## Older names

Environment variables of older programs are read where the new one is not set; each use is reported once at start.

| setting | older names |
|---|---|
"""


def settings_document() -> str:
    """The whole page."""
    lines = [_HEAD, "| setting | default | meaning | allowed |", "|---|---|---|---|"]
    lines += [_line(row) for row in TABLE]
    options = [f"| `{name}` | {_OPTION_HELP[name]} |" for name in LoadOptions.__struct_fields__]
    old = [
        f"| `{row.variable}` | {', '.join(f'`{each}`' for each in row.legacy)} |"
        for row in TABLE
        if row.legacy
    ]
    table = "\n".join(lines)
    return f"{table}\n\n{_MODELS}" + "\n".join(options) + f"\n\n{_OLD_NAMES}" + "\n".join(old) + "\n"


def _line(row: Setting) -> str:
    where = "" if row.in_file else f" Not in `config.toml`; `{row.variable}` sets it."
    where += "".join(f" The environment variable `{name}` is read too." for name in row.standard)
    return f"| `{row.name}` | {row.default_text} | {row.help}{where} | {row.kind.allowed} |"
