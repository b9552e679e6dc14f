"""What an image is where its file does not say: recognised from the pixels, and said to be."""

from knowledge.blobs import BlobStore
from knowledge.case import Case, Image, Modality, Origin
from tools.backends import Recogniser
from tools.imaging.volume import Volume

_SILENT = (Modality.UNKNOWN, Modality.OT)


def recognised(case: Case, blobs: BlobStore, recogniser: Recogniser | None) -> Case:
    """The case with modality and body part filled in where the files are silent and the pixels are clear.

    What a file or a person said is never overruled.
    """
    if recogniser is None:
        return case
    return case.model_copy(update={"images": tuple(_image(image, blobs, recogniser) for image in case.images)})


def _image(image: Image, blobs: BlobStore, recogniser: Recogniser) -> Image:
    # A modality that the file names rules out what the pixels say of another.
    if image.body_part is not None or (image.modality not in _SILENT and image.format == "dicom"):
        return image
    found = recogniser.recognise(image, Volume.load(image, blobs))
    if found is None or (image.modality not in _SILENT and image.modality is not found.modality):
        return image
    update: dict[str, object] = {}
    said = []
    if image.modality in _SILENT:
        update |= {"modality": found.modality, "modality_origin": Origin.INFERRED}
        said.append(f"modality ({found.modality.value})")
    if found.body_part is not None:
        update |= {"body_part": found.body_part, "body_part_origin": Origin.INFERRED}
        said.append(f"body part ({found.body_part})")
    if not said:
        return image
    caveat = (
        f"{' and '.join(said)} recognised from the pixels by {recogniser.name}, which knows few kinds of image: "
        "the file does not say, so check"
    )
    return image.model_copy(update=update | {"caveats": (*image.caveats, caveat)})
