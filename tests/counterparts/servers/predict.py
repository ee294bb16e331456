"""What runs inside Replicate: a cog predictor, served by the real `cog` server."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time

from cog import BasePredictor, Input, Path
from PIL import Image, ImageDraw


class Predictor(BasePredictor):
    """Paints a disc on a colour."""

    def setup(self) -> None:
        """Take a while, as loading a model does."""
        time.sleep(float(os.environ.get("SETUP_SECONDS", "0")))

    def predict(
        self,
        prompt: str = Input(description="what to paint"),
        aspect_ratio: str = Input(default="1:1"),
        num_outputs: int = Input(default=1),
        num_inference_steps: int = Input(default=4),
        seed: int = Input(default=0),
        output_format: str = Input(default="webp"),
        megapixels: str = Input(default="1"),
    ) -> list[Path]:
        """Paint, or fail as the real model does."""
        del num_outputs, num_inference_steps, megapixels
        if "nsfw" in prompt:
            raise Exception("NSFW content detected. Try a different prompt.")
        wide, high = (int(one) for one in aspect_ratio.split(":"))
        size = (128 * wide, 128 * high)
        colour = tuple(hashlib.sha256(f"{prompt}{seed}".encode()).digest()[:3])
        image = Image.new("RGB", size, colour)
        ImageDraw.Draw(image).ellipse((9, 9, size[0] - 9, size[1] - 9), fill="white")
        name = tempfile.mktemp(suffix=f".{output_format}")
        image.save(name)
        return [Path(name)]
