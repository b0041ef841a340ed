"""What the library is told once and for all."""

from corral.engines.llama.llama_model import _OUTPUT
from corral.engines.llama.native import start_backend


def test_every_model_of_a_process_shares_what_the_library_calls() -> None:
    """It calls it until the process ends, also when the model that was loaded last is gone."""
    assert start_backend(_OUTPUT) is start_backend(_OUTPUT)
