"""Citrus-V behind the published server (ms-swift's deploy), asked as a `Reader` is asked.

Each turn is a request of its own with one picture: the server draws on the current picture for any
`[SEG]` in the history, and mixes the masks of a batch. Its masks come without scores, already
thresholded; boxes are on the grid of its own MAX_PIXELS, which must be given here.
"""

import base64
import io
import json
import re
import time
from collections.abc import Sequence
from typing import Any

import httpx2
import numpy as np
import PIL.Image
import torch
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from agents.citrus_v.generation import Finish
from agents.citrus_v.masks import DrawnMask, resize
from agents.citrus_v.pictures import Picture
from agents.citrus_v.processor import MAX_PIXELS, MIN_PIXELS
from agents.citrus_v.reader import CannotRead, Reply, Turn
from agents.citrus_v.rle import RleError, decode_rle
from agents.completions import RESPONSE_LIMIT, RemoteSettings

_FACTOR = 28
_MARKER = re.compile(r"\[SEG\]|<SEG>")
_MAX_MASKS = 64


class ServerReader:
    """Asks a server; has `read` and `resized` as `Reader` does.

    Args:
        settings: Where it is, its model's name, key and patience.
        min_pixels, max_pixels: The server's own; with others every box would land wrong. Its
            documentation starts it with 65535, its demonstration with 1003520.
    """

    def __init__(self, settings: RemoteSettings, *, min_pixels: int = MIN_PIXELS, max_pixels: int = MAX_PIXELS) -> None:
        self.settings = settings
        self.min_pixels, self.max_pixels = min_pixels, max_pixels
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        headers = {"user-agent": "citrus-v", "accept-encoding": "identity"}
        if key:
            headers["authorization"] = f"Bearer {key}"
        self._client = httpx2.Client(
            headers=headers, follow_redirects=False, trust_env=not settings.loopback, timeout=settings.timeout
        )

    @property
    def leaves_machine(self) -> str | None:
        """Where pictures and words go, or None where that is this machine."""
        return None if self.settings.loopback else self.settings.host

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) on which the server's boxes are."""
        rows, columns = smart_resize(height, width, _FACTOR, min_pixels=self.min_pixels, max_pixels=self.max_pixels)
        return int(rows), int(columns)

    def read(self, turns: Sequence[Turn], max_new_tokens: int) -> list[Reply]:
        """Answer each turn with a request of its own, one after the other.

        Raises:
            CannotRead: The server cannot be reached, or its answer cannot be trusted, and why.
        """
        return [self._ask(turn, max_new_tokens) for turn in turns]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ask(self, turn: Turn, max_new_tokens: int) -> Reply:
        pictures = turn.pictures
        if len(turn.messages) != 1 or len(pictures) > 1:
            raise CannotRead("This server draws on one picture in a conversation of one question only.")
        content: list[dict[str, Any]] = [
            {"type": "image_url", "image_url": {"url": _data_url(picture)}} for picture in pictures
        ]
        content.append({"type": "text", "text": turn.messages[0].text})
        answer = self._post(
            {
                "model": self.settings.model,
                "messages": [{"role": "user", "content": content}],
                "max_tokens": max_new_tokens,
                "temperature": 0,
                "stream": False,
            }
        )
        text, finish = _words(answer)
        masks = _masks(answer, pictures[0]) if pictures else ()
        markers = len(_MARKER.findall(text))
        if markers and markers != len(masks):
            raise CannotRead(f"The server's answer marks {markers} mask(s) and brings {len(masks)}.")
        return Reply(text, (), tuple(masks), finish)

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        where = self.settings.host
        until = time.monotonic() + self.settings.timeout
        try:
            with self._client.stream("POST", f"{self.settings.base_url}/chat/completions", json=body) as response:
                content = bytearray()
                for piece in response.iter_raw():
                    content += piece
                    if len(content) > RESPONSE_LIMIT:
                        raise CannotRead(f"The answer of {where} is too large.")
                    if time.monotonic() > until:
                        raise CannotRead(f"The answer of {where} takes too long.")
                status = response.status_code
        except httpx2.HTTPError as error:
            raise CannotRead(f"The server at {where} cannot be reached: {type(error).__name__}.") from error
        if status != 200:
            raise CannotRead(f"The server at {where} answers with status {status}.")
        try:
            answer = json.loads(bytes(content))
        except (ValueError, RecursionError):
            raise CannotRead(f"The answer of {where} is not JSON.") from None
        if not isinstance(answer, dict):
            raise CannotRead(f"The answer of {where} is not a chat completion.")
        return answer


def _data_url(picture: Picture) -> str:
    buffer = io.BytesIO()
    PIL.Image.fromarray(picture.pixels).save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _words(answer: dict[str, Any]) -> tuple[str, Finish]:
    try:
        choice = answer["choices"][0]
        text = choice["message"]["content"] or ""
    except (KeyError, IndexError, TypeError):
        raise CannotRead("The server's answer is not a chat completion.") from None
    if not isinstance(text, str):
        raise CannotRead("The server's answer has no text.")
    return text, Finish.LENGTH if choice.get("finish_reason") == "length" else Finish.END


def _masks(answer: dict[str, Any], picture: Picture) -> list[DrawnMask]:
    """Masks on the picture's pixels; none where the field is absent, null or empty."""
    raw = answer.get("raw_response")
    encoded = raw.get("seg_masks_rle") if isinstance(raw, dict) else None
    if encoded is None:
        return []
    if not isinstance(encoded, list) or len(encoded) > _MAX_MASKS:
        raise CannotRead("The server's masks are not a list of at most 64.")
    masks = []
    for each in encoded:
        try:
            small = decode_rle(each)
        except RleError as error:
            raise CannotRead(f"The server's mask cannot be read: {error}.") from None
        signed = torch.from_numpy(np.where(small, 1.0, -1.0).astype(np.float32))
        masks.append(DrawnMask((resize(signed, picture.height, picture.width) > 0).numpy()))
    return masks
