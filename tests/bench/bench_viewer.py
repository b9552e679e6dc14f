"""Milliseconds from a key to the new slice on the screen, for a large CT volume in headless Chromium.

    python -m tests.bench.bench_viewer [--slices 300] [--steps 40]

A volume of 512 x 512 with a body-sized outline laid over it. For each plane the large pane steps through
slices; the time runs from the key event to the end of drawing in the next frame's callback, so it holds the
slice's cut, its window, its outline and the drawing, and not the wait for the screen. Also printed: seconds
until the first slice is seen, until all pixels are here, and for a correction of the outline to its answer.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from langchain_core.messages import AIMessage

from graphs.conversation import Conversation
from graphs.home import Home
from knowledge.blobs import BlobStore
from knowledge.case import Case, Image, Modality, Origin
from knowledge.evidence import Evidence, Mask
from knowledge.quantity import SpacingSource
from tests.graphs.scripted import Weigh, call, equipment
from tests.ui.browser import Browser, browser
from tests.ui.viewer_server import house, serving_viewer
from tools.imaging.identity import Identity
from tools.imaging.read import Reading
from tools.imaging.volume import as_affine, encode_pixels, store_mask
from tools.measure import Measure
from tools.segment import extent
from tools.tool import Context, ImageArguments

_STEPPED = """
const [steps, done] = arguments; const times = []; let left = steps; let way = 'ArrowDown';
const step = () => {
  const begun = performance.now();
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: way, bubbles: true }));
  const handled = performance.now() - begun;
  requestAnimationFrame(() => setTimeout(() => {
    times.push(handled + Number(document.documentElement.dataset.milliseconds));
    if (--left) { if (left === steps >> 1) way = 'ArrowUp'; step(); } else done(times);
  }));
};
step();
"""


def body(shape: tuple[int, int, int]) -> np.ndarray:
    """An ellipse on every slice."""
    _, rows, columns = shape
    j, i = np.ogrid[:rows, :columns]
    disc = ((j - rows / 2) / (0.36 * rows)) ** 2 + ((i - columns / 2) / (0.45 * columns)) ** 2 < 1
    return np.broadcast_to(disc, shape)


class Outline(Weigh):
    """The ellipse."""

    name = "outline"
    returns = ("mask",)

    def run(self, arguments: ImageArguments, context: Context) -> list[Evidence]:
        volume = context.volume(arguments.image)
        mask = np.ascontiguousarray(body(volume.shape))
        box, slices = extent(mask)
        blob = store_mask(mask, volume, context.blobs)
        return [
            Mask(image="I1", target="body", blob=blob, voxels=int(mask.sum()), box=box, slices=slices),
        ]


def read(slices: int) -> "object":
    def reading(blobs: BlobStore) -> Reading:
        shape = (slices, 512, 512)
        noise = np.random.default_rng(5).integers(-40, 40, (512, 512), dtype=np.int16)
        array = (
            np.where(body(shape), np.int16(40), np.int16(-1000))
            + noise
            + np.arange(slices, dtype=np.int16)[:, None, None]
        )
        affine = np.diag([0.7, 0.7, 1.0, 1.0])
        image = Image(
            id="I1", label="large", format="nifti", modality=Modality.CT, modality_origin=Origin.USER, shape=shape,
            affine=as_affine(affine), orientation_origin=Origin.HEADER, spacing=(1.0, 0.7, 0.7),
            spacing_source=SpacingSource.HEADER, intensity="HU", pixels=blobs.put(encode_pixels(array, affine)),
            content="0" * 64,
        )  # fmt: skip
        return Reading(case=Case(images=(image,)), identity=Identity(), names={})

    return reading


def main() -> None:
    """Open the volume, step through each plane, correct the outline."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--steps", type=int, default=40)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(home=Path(folder), checkpoints="")
        joined = equipment(
            [
                call("outline", image="I1"),
                call("measure", image="I1", of=["E1"], quantities=["volume"]),
                AIMessage("The body is seen in this image [E1]."),
            ]
        )
        joined.tools.update({"outline": Outline(), "measure": Measure()})
        with Conversation.start(home, joined, read(options.slices), {}) as conversation:  # type: ignore[arg-type]
            conversation.ask("How large?")
        host = house(home)
        host._equipment["protocol"] = joined
        with serving_viewer(host, user="local") as address, browser(1600, 1000) as window:
            _time(window, f"{address}/viewer/{conversation.identifier}#E1", options.slices, options.steps)


def _time(window: Browser, address: str, slices: int, steps: int) -> None:
    begun = time.monotonic()
    window.go(address)
    window.wait("Number(document.documentElement.dataset.milliseconds) > 0")
    print(f"512 x 512 x {slices}, outline over it\nfirst slice seen      {time.monotonic() - begun:6.2f} s")
    window.wait("document.documentElement.dataset.loaded === 'true'", 300)
    window.wait("document.querySelector('#detail button')")
    print(f"all pixels here       {time.monotonic() - begun:6.2f} s")
    for key, name in (("a", "axial"), ("c", "coronal"), ("s", "sagittal")):
        window.run(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))")
        times = sorted(window._call("POST", "/execute/async", {"script": _STEPPED, "args": [steps]}))
        print(f"{name:9} slice change {times[len(times) // 2]:6.1f} ms median, {times[-1]:6.1f} ms longest of {steps}")
    window.run("document.querySelector('#detail button.danger').click()")
    begun = time.monotonic()
    window.run("document.querySelector('#reject button.danger').click()")
    window.wait("document.querySelector('#history li')", 300)
    print(f"outline rejected, answer revised {time.monotonic() - begun:6.2f} s")


if __name__ == "__main__":
    main()
