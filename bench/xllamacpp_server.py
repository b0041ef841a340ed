"""Runs xllamacpp's llama-server until standard input closes: `python -m bench.xllamacpp_server MODEL PORT SHAPE`."""

import importlib
import json
import sys


def main() -> None:
    """Start the server and wait."""
    path, port, shape = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
    xllamacpp = importlib.import_module("xllamacpp")
    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.port = port
    parameters.n_parallel = shape["sequences"]
    parameters.n_ctx = shape["context_tokens"]
    parameters.n_batch = shape["batch_tokens"]
    parameters.n_ubatch = min(parameters.n_ubatch, parameters.n_batch)
    parameters.kv_unified = shape["unified"]
    parameters.cpuparams.n_threads = shape["threads"]
    parameters.cpuparams_batch.n_threads = shape["threads"]
    kinds = xllamacpp.llama_flash_attn_type
    parameters.flash_attn_type = (
        kinds.LLAMA_FLASH_ATTN_TYPE_ENABLED
        if shape["flash_attention"]
        else kinds.LLAMA_FLASH_ATTN_TYPE_DISABLED
    )
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
