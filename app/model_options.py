"""Load options of models as `config.toml` gives them: `[models.default]`, and `[models."name"]` for single models."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import msgspec
from msgspec import structs

from corral.engines.model import LoadOptions, ModelName

DEFAULT = "default"
_AT_LEAST = {"gpu_layers": 0}  # every other number: 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What users wish. Names are in lower case; a name without quantisation means every quantisation."""

    default: LoadOptions = field(default_factory=LoadOptions)
    named: Mapping[str, LoadOptions] = field(default_factory=dict)

    def for_model(self, name: ModelName) -> LoadOptions:
        """The options for a model: what stands under its own name comes first, then its base name, then the default."""
        full = name.lower()
        options = self.default
        for key in dict.fromkeys((full.partition(":")[0], full)):
            options = _laid_over(options, self.named.get(key, LoadOptions()))
        return options


def read_model_options(table: object) -> ModelOptions:
    """From the table `models` of config.toml. Raises ValueError or TypeError, whose text says what is wrong."""
    if not isinstance(table, dict):
        raise TypeError('"models" must be a table, as in [models."name"]')
    options = {str(name).lower(): _read_options(str(name), values) for name, values in table.items()}
    return ModelOptions(default=options.pop(DEFAULT, LoadOptions()), named=options)


def _read_options(name: str, values: object) -> LoadOptions:
    where = f'[models."{name}"]'
    if not isinstance(values, dict):
        raise TypeError(f"{where} must be a table of load options")
    known = LoadOptions.__struct_fields__
    for key, value in values.items():
        if key not in known:
            raise ValueError(f"{where} has an unknown option {key!r}{_nearest(key, known)}")
        if type(value) is int and value < _AT_LEAST.get(key, 1):
            raise ValueError(f"{where}: {key} must be at least {_AT_LEAST.get(key, 1)}, not {value}")
    try:
        return msgspec.convert(values, LoadOptions)
    except msgspec.ValidationError as error:
        raise ValueError(f"{where}: {error}") from error


def _nearest(key: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(known)}"


def _laid_over(below: LoadOptions, above: LoadOptions) -> LoadOptions:
    wishes = {key: value for key, value in structs.asdict(above).items() if value is not None}
    return structs.replace(below, **wishes)
