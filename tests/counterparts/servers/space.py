"""A Space as FLUX.1-schnell's is written, served by Gradio itself."""

from __future__ import annotations

import hashlib
import sys
import time

import gradio as gr
from PIL import Image, ImageDraw

#: `spaces` (the package of ZeroGPU) raises this when the quota is used up.
_QUOTA = (
    "You have exceeded your free ZeroGPU quota (60s requested vs. 42s left). "
    "Try again in 1:30:05. Subscribe to Hugging Face PRO to get 40 min of ZeroGPU "
    "quota a day - https://huggingface.co/subscribe/pro?from=ZeroGPU"
)


def infer(
    prompt: str,
    seed: int = 42,
    randomize_seed: bool = False,  # noqa: FBT001, FBT002 - as in the Space
    width: int = 1024,
    height: int = 1024,
    num_inference_steps: int = 4,
) -> tuple[Image.Image, int]:
    """Paint a disc, or fail as the real Space does."""
    if "quota" in prompt:
        raise gr.Error(_QUOTA, title="ZeroGPU quota exceeded")
    if "boom" in prompt:
        raise RuntimeError("CUDA out of memory")
    if "slow" in prompt:
        time.sleep(3)
    if randomize_seed:
        seed = 0
    text = f"{prompt}{seed}{num_inference_steps}"
    colour = tuple(hashlib.sha256(text.encode()).digest()[:3])
    image = Image.new("RGB", (width, height), colour)
    ImageDraw.Draw(image).ellipse((9, 9, width - 9, height - 9), fill="white")
    return image, seed


with gr.Blocks() as demo:
    words = gr.Text(label="Prompt")
    run = gr.Button("Run")
    result = gr.Image(label="Result", show_label=False)
    seed = gr.Slider(label="Seed", minimum=0, maximum=2**31 - 1, step=1, value=0)
    randomize = gr.Checkbox(label="Randomize seed", value=True)
    width = gr.Slider(label="Width", minimum=256, maximum=2048, step=32, value=1024)
    height = gr.Slider(label="Height", minimum=256, maximum=2048, step=32, value=1024)
    steps = gr.Slider(label="Steps", minimum=1, maximum=50, step=1, value=4)
    gr.on(
        triggers=[run.click, words.submit],
        fn=infer,
        inputs=[words, seed, randomize, width, height, steps],
        outputs=[result, seed],
    )

demo.queue().launch(server_name="127.0.0.1", server_port=int(sys.argv[1]), quiet=True)
