"""Where a setting's value comes from, and what is said about wrong ones."""

from pathlib import Path

import pytest

from corral.app.settings import SettingsError, load_settings
from corral.app.settings_document import settings_document
from corral.app.settings_table import TABLE, Settings
from corral.engines.model import LoadOptions, ModelName

KEY = "sk_" + "a1B2" * 8


def load(folder: Path, text: str = "", *, port: object = None, **environ: str) -> Settings:
    if text:
        (folder / "config.toml").write_text(text)
    return load_settings(arguments={"port": port}, environ={"CORRAL_DATA_DIR": str(folder), **environ})


def test_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path)
    assert (settings.host, settings.port, settings.peer_port) == ("0.0.0.0", 32768, 32769)
    assert settings.models_dir == tmp_path / "models"
    assert settings.log_dir == tmp_path / "logs"
    assert settings.sources["port"] == "default"
    assert settings.notices == ()


@pytest.mark.parametrize(
    ("argument", "environ", "text", "port", "source"),
    [
        ("1", {"CORRAL_PORT": "2", "LLMLB_PORT": "3"}, "port = 4", 1, "command line"),
        (None, {"CORRAL_PORT": "2", "LLMLB_PORT": "3"}, "port = 4", 2, "environment (CORRAL_PORT)"),
        (None, {"LLMLB_PORT": "3", "ROUTER_PORT": "5"}, "port = 4", 3, "environment (LLMLB_PORT)"),
        (None, {"CORRAL_PORT": ""}, "port = 4", 4, "config.toml"),
        (None, {}, "", 32768, "default"),
    ],
)
def test_order(
    tmp_path: Path, argument: str | None, environ: dict[str, str], text: str, port: int, source: str
) -> None:
    settings = load(tmp_path, text, port=argument, **environ)
    assert (settings.port, settings.sources["port"]) == (port, source)


def test_an_older_name_is_reported_once_and_only_when_used(tmp_path: Path) -> None:
    settings = load(tmp_path, LLMLB_PORT="1", LLM_LOG_LEVEL="WARN", CORRAL_LOG_LEVEL="info")
    assert len(settings.notices) == 1
    assert "LLMLB_PORT" in settings.notices[0] and "CORRAL_PORT" in settings.notices[0]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("max_memory_bytes", "8GiB", 8 * 2**30),
        ("hf_base_url", "http://mirror.lan:8080/hub/", "http://mirror.lan:8080/hub"),
        ("origin_allowlist", "huggingface.co/*, models.lan", ("huggingface.co/*", "models.lan")),
        ("max_memory_bytes", "1.5 gb", 1_500_000_000),
        ("max_memory_bytes", "4096", 4096),
        ("max_memory_bytes", "none", None),
        ("model_idle_timeout_s", "never", None),
        ("model_idle_timeout_s", "2.5", 2.5),
        ("metrics", "off", False),
        ("metrics", "Yes", True),
        ("log_level", "WARN", "warning"),
        ("log_level", "debug,http=warn", "debug"),
        ("log_level", "http=warn,tower=info", "info"),
        ("log_level", "router=debug", "info"),
        ("log_level", "hyper,warn", "warning"),
        ("log_level", "off", "error"),
        ("cors_origins", "https://a.example, https://b.example", ("https://a.example", "https://b.example")),
        ("bootstrap_api_key", KEY, KEY),
    ],
)
def test_values_in_the_environment(tmp_path: Path, name: str, text: str, value: object) -> None:
    settings = load(tmp_path, **{f"CORRAL_{name.upper()}": text})
    assert getattr(settings, name) == value


def test_values_in_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path, 'models_dir = "here"\nmodel_folders = ["/a", "b"]\nmetrics = false\nmax_loaded_models = 2'
    )
    assert settings.models_dir == tmp_path / "here"
    assert settings.model_folders == (Path("/a"), tmp_path / "b")
    assert (settings.metrics, settings.max_loaded_models) == (False, 2)


@pytest.mark.parametrize(
    ("environ", "text", "words"),
    [
        ({"CORRAL_PORT": "70000"}, "", ["port", "CORRAL_PORT", "0 to 65535", "'70000'"]),
        ({"LLMLB_PORT": "x"}, "", ["port", "LLMLB_PORT", "whole number"]),
        ({}, "port = true", ["port", "config.toml", "whole number"]),
        ({}, "metrics = 1", ["metrics", "true or false"]),
        ({}, 'metrics = ""', ["metrics", "true or false"]),
        ({}, "model_folders = 3", ["model_folders", "paths"]),
        ({"CORRAL_MAX_MEMORY_BYTES": "lots"}, "", ["max_memory_bytes", '"8GB"', '"none"']),
        ({"CORRAL_MODEL_IDLE_TIMEOUT_S": "nan"}, "", ["model_idle_timeout_s"]),
        ({"CORRAL_LOG_LEVEL": "loud"}, "", ["log_level", "debug, info, warning or error"]),
        ({}, "prot = 1", ["unknown setting 'prot'", "did you mean 'port'"]),
        ({}, "zzzzzz = 1", ["unknown setting", "corral settings"]),
        ({}, 'data_dir = "x"', ["data_dir", "CORRAL_DATA_DIR"]),
        ({}, "port = ", ["config.toml", "not a TOML file"]),
        ({}, "models = 3", ['[models."name"]']),
        ({}, "[models.a]\ncontext = 1", ['[models."a"]', "'context'", "did you mean 'context_length'"]),
        ({}, "[models.a]\nthreads = 0", ["threads must be at least 1"]),
        ({}, '[models.a]\nthreads = "2"', ["threads", "int"]),
        ({}, "models.a = 1", ['[models."a"]', "table"]),
    ],
)
def test_wrong_ones(tmp_path: Path, environ: dict[str, str], text: str, words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text, **environ)
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_secret_is_never_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, CORRAL_BOOTSTRAP_API_KEY="sk_hush")
    assert "hush" not in str(caught.value)
    assert KEY not in repr(load(tmp_path, CORRAL_BOOTSTRAP_API_KEY=KEY))


def test_load_options_of_models(tmp_path: Path) -> None:
    models = load(
        tmp_path,
        "[models.default]\nthreads = 3\ngpu_layers = 0\n"
        '[models."Tiny"]\ncontext_length = 512\n[models."tiny:Q4_1"]\nthreads = 1\nflash_attention = true',
    ).models
    assert models.for_model(ModelName("other")) == LoadOptions(threads=3, gpu_layers=0)
    assert models.for_model(ModelName("tiny:Q8_0")) == LoadOptions(
        threads=3, gpu_layers=0, context_length=512
    )
    assert models.for_model(ModelName("tiny:Q4_1")) == LoadOptions(
        threads=1, gpu_layers=0, context_length=512, flash_attention=True
    )


def test_every_setting_has_a_row_of_its_own() -> None:
    names = [row.name for row in TABLE]
    assert len(set(names)) == len(names) == len(Settings.__dataclass_fields__) - 4
    variables = [variable for row in TABLE for variable in (row.variable, *row.legacy)]
    assert len(set(variables)) == len(variables)


def test_the_page_of_settings_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text(encoding="utf-8") == settings_document(), (
        "corral settings --markdown > docs/settings.md"
    )
