"""Real servers and official clients, in an environment of their own.

`make counterparts` installs them into `.venv-counterparts`: what they drag along has
no place beside postbrush.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

ROOT = Path(__file__).resolve().parents[2]
BIN = ROOT / ".venv-counterparts" / "bin"
SERVERS = Path(__file__).parent / "servers"
_READY_SECONDS = 60


@pytest.fixture(scope="session")
def python() -> str:
    """The interpreter that has them."""
    if not (BIN / "python").exists():
        pytest.skip("the real counterparts are not installed: make counterparts")
    return str(BIN / "python")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def running(
    command: Sequence[str], ready: str, **environ: str
) -> AsyncIterator[None]:
    """Run a server until the block ends; it is ready when *ready* answers at all."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=SERVERS,
        # cog starts its worker as `python`, from the path.
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **environ},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        await _until_it_answers(ready, process)
        yield
    finally:
        if process.returncode is None:
            os.killpg(process.pid, 9)
        await process.wait()


async def _until_it_answers(url: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(_READY_SECONDS), aiohttp.ClientSession() as session:
        while True:
            assert process.returncode is None, "the server ended by itself"
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientError:
                # A process of somebody else's: there is nothing to wait on.
                await asyncio.sleep(0.1)


@pytest.fixture
async def worker(python: str) -> AsyncIterator[str]:
    """RunPod's own worker server."""
    port = free_port()
    options = ["--rp_serve_api", "--rp_api_host", "127.0.0.1", "--rp_api_port"]
    command = [python, "worker.py", *options, str(port)]
    url = f"http://127.0.0.1:{port}"
    async with running(command, url):
        yield url


@pytest.fixture
async def community(python: str) -> AsyncIterator[str]:
    """Hugging Face's own serving code."""
    port = free_port()
    command = [python, "-m", "uvicorn", "community:app", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    async with running(command, url):
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def llama(python: str) -> AsyncIterator[str]:
    """llama.cpp's own server with a small real language model."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with running([python, "llama.py", str(port)], url):
        async with aiohttp.ClientSession() as session:
            for _ in range(10 * _READY_SECONDS):
                # It answers 503 while it reads the weights.
                async with session.get(f"{url}/health") as reply:
                    if reply.status == 200:
                        break
                await asyncio.sleep(0.1)
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def space(python: str) -> AsyncIterator[str]:
    """Gradio's own server, with a Space as FLUX.1-schnell's is written."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    offline = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    ready = f"{url}/gradio_api/info"
    async with running([python, "space.py", str(port)], ready, **offline):
        yield url


@asynccontextmanager
async def cog(python: str, setup_seconds: float = 0) -> AsyncIterator[str]:
    """The server inside Replicate."""
    port = free_port()
    command = [python, "-m", "cog.server.http", "--host", "127.0.0.1"]
    url = f"http://127.0.0.1:{port}"
    async with running(
        command,
        f"{url}/health-check",
        COG_PREDICT_TYPE_STUB="predict.py:Predictor",
        PORT=str(port),
        SETUP_SECONDS=str(setup_seconds),
    ):
        yield url
