"""Hugging Face's own serving code for text-to-image, around a painter of discs."""

from __future__ import annotations

import hashlib
import os
from typing import Any

from api_inference_community.routes import pipeline_route
from PIL import Image, ImageDraw
from starlette.applications import Starlette
from starlette.routing import Route

os.environ.setdefault("TASK", "text-to-image")


class Painter:
    """The pipeline the serving code asks."""

    def __call__(self, inputs: str, **given: Any) -> Image.Image:
        if "boom" in inputs:
            raise RuntimeError("CUDA out of memory")
        size = (int(given.get("width", 512)), int(given.get("height", 512)))
        if size[0] % 8 or size[1] % 8:
            raise ValueError("`height` and `width` have to be divisible by 8")
        text = f"{inputs}{given.get('seed')}"
        image = Image.new(
            "RGB", size, tuple(hashlib.sha256(text.encode()).digest()[:3])
        )
        ImageDraw.Draw(image).ellipse((9, 9, size[0] - 9, size[1] - 9), fill="white")
        return image


app = Starlette(routes=[Route("/{rest:path}", pipeline_route, methods=["POST"])])
app.get_pipeline = Painter
