"""The size a compressed picture claims for itself, read before any decoder reserves memory for it."""

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_BARE = frozenset(range(0xD0, 0xD9)) | {0x01}


def claimed_size(stream: bytes) -> tuple[int, int] | None:
    """(rows, columns) of a JPEG, JPEG-LS or JPEG 2000 codestream, or None where it names none.

    JPEG and JPEG-LS: the SOF marker (ITU-T T.81 B.2.2, T.87 C.2.2). JPEG 2000: the SIZ marker
    (T.800 A.5.1), also within a JP2 box.
    """
    if stream[:2] == b"\xff\xd8":
        return _jpeg(stream)
    start = stream.find(b"\xff\x4f\xff\x51", 0, 4096)
    if start < 0 or len(stream) < start + 24:
        return None
    x1, y1, x0, y0 = (int.from_bytes(stream[at : at + 4], "big") for at in range(start + 8, start + 24, 4))
    return y1 - y0, x1 - x0


def is_complete(stream: bytes) -> bool:
    """Whether the codestream ends with its end marker (EOI or EOC, both FF D9), padding aside."""
    return b"\xff\xd9" in stream[-64:]


def _jpeg(stream: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(stream):
        if stream[at] != 0xFF:
            return None
        marker = stream[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _JPEG_FRAMES:
            return int.from_bytes(stream[at + 5 : at + 7], "big"), int.from_bytes(stream[at + 7 : at + 9], "big")
        else:
            at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None
