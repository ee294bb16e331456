"""Ask a service with its makers' own client, and print what came of it as JSON.

Run with the interpreter of `.venv-counterparts`: ask.py CLIENT URL TOKEN [ROUTE HUB]
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import sys
import urllib.request
from typing import Any

from PIL import Image


def told(data: bytes) -> dict[str, Any]:
    """Describe an image."""
    image = Image.open(io.BytesIO(data))
    image.load()
    digest = hashlib.sha256(data).hexdigest()
    return {"format": image.format, "size": image.size, "sha256": digest}


def huggingface(url: str, token: str, route: str) -> dict[str, Any]:
    """`InferenceClient.text_to_image` over one of the router's routes."""
    from huggingface_hub import constants

    # Some of it is read when the rest is imported.
    constants.INFERENCE_PROXY_TEMPLATE = f"{url}/{{provider}}"
    from huggingface_hub import InferenceClient
    from huggingface_hub.hf_api import InferenceProviderMapping
    from huggingface_hub.inference._providers import _common

    model = "black-forest-labs/FLUX.1-schnell"
    ids = {
        "fal-ai": "fal-ai/flux/schnell",
        "replicate": "black-forest-labs/flux-schnell",
    }
    _common.HARDCODED_MODEL_INFERENCE_MAPPING[route][model] = InferenceProviderMapping(
        provider=route,
        hf_model_id=model,
        providerId=ids.get(route, model),
        task="text-to-image",
        status="live",
    )
    client = InferenceClient(provider=route, api_key=token)
    image = client.text_to_image("a cat", model=model, width=1024, height=768, seed=1)
    return {"size": image.size}


def openai(url: str, token: str) -> dict[str, Any]:
    """`images.generate`."""
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=token)
    assert [model.id for model in client.models.list()]
    made = client.images.generate(model="gpt-image-1", prompt="a cat", size="1024x1536")
    assert made.data
    return told(base64.b64decode(made.data[0].b64_json or ""))


def openai_chat(url: str, token: str) -> dict[str, Any]:
    """`chat.completions.create` with a schema."""
    from openai import OpenAI

    client = OpenAI(base_url=f"{url}/v1", api_key=token)
    task = {"post": {"title": "", "text": "Fresh bread!"}, "brief": {}}
    made = client.chat.completions.create(
        model=client.models.list().data[0].id,
        messages=[
            {"role": "system", "content": "Answer with JSON."},
            {"role": "user", "content": json.dumps(task)},
        ],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "picture", "schema": {"type": "object"}},
        },
    )
    assert made.usage
    choice = made.choices[0]
    return {
        "answer": json.loads(choice.message.content or ""),
        "finish": choice.finish_reason,
        "tokens": made.usage.prompt_tokens,
    }


def replicate(url: str, token: str) -> dict[str, Any]:
    """`run`, which waits, looks again, and fetches."""
    from replicate.client import Client

    client = Client(api_token=token, base_url=url)
    given = {"prompt": "a cat", "aspect_ratio": "4:5", "seed": 1}
    output = client.run("black-forest-labs/flux-schnell", input=given)
    first = output[0] if isinstance(output, list) else output
    address = str(getattr(first, "url", first))
    with urllib.request.urlopen(address) as reply:  # noqa: S310 - a loopback address
        return told(reply.read())


def replicate_cancel(url: str, token: str) -> dict[str, Any]:
    """`predictions.create`, `get` and `cancel`."""
    from replicate.client import Client

    client = Client(api_token=token, base_url=url)
    given = {"prompt": "a cat", "aspect_ratio": "1:1", "seed": 1}
    made = client.models.predictions.create(
        model="black-forest-labs/flux-schnell", input=given
    )
    again = client.predictions.get(made.id)
    again.cancel()
    again.reload()
    return {"status": again.status}


def runpod(url: str, token: str) -> dict[str, Any]:
    """`Endpoint.run`, `status`, `output`, `cancel`."""
    os.environ["RUNPOD_ENDPOINT_BASE_URL"] = url
    import runpod as sdk

    sdk.api_key = token
    endpoint = sdk.Endpoint("my-endpoint")
    given = {"prompt": "a cat", "width": 512, "height": 768, "seed": 1}
    job = endpoint.run({"input": given})
    states = [job.status()]
    output = job.output(timeout=30)
    other = endpoint.run({"input": given})
    other.cancel()
    health = endpoint.health()
    with urllib.request.urlopen(output["image_url"]) as reply:  # noqa: S310 - loopback
        return {**told(reply.read()), "states": states, "health": sorted(health)}


if __name__ == "__main__":
    name, url, token, *more = sys.argv[1:]
    if more[1:]:
        os.environ["HF_ENDPOINT"] = more[1]
    print(json.dumps(globals()[name](url, token, *more[:1])))  # noqa: T201 - its answer
