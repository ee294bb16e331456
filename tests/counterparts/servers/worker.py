"""A RunPod worker, served by RunPod's own SDK (`--rp_serve_api`)."""

from __future__ import annotations

import base64
import hashlib
import io
from typing import Any

import runpod
from PIL import Image, ImageDraw


def handler(job: dict[str, Any]) -> dict[str, Any]:
    """Paint what is asked for, or fail as real workers do."""
    given = job["input"]
    if "boom" in given["prompt"]:
        raise RuntimeError("CUDA out of memory")
    if "nsfw" in given["prompt"]:
        return {"error": "NSFW content detected"}
    width, height = given["width"], given["height"]
    colour = tuple(hashlib.sha256(given["prompt"].encode()).digest()[:3])
    image = Image.new("RGB", (width, height), colour)
    ImageDraw.Draw(image).ellipse((50, 50, width - 50, height - 50), fill="white")
    out = io.BytesIO()
    image.save(out, "PNG")
    data = base64.b64encode(out.getvalue()).decode()
    return {"images": [{"filename": "a.png", "type": "base64", "data": data}]}


runpod.serverless.start({"handler": handler})
