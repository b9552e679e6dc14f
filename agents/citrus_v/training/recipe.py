"""A training recipe: sizes of the model, data, and stages, each naming what it trains; a TOML file."""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agents.citrus_v.training.conversations import Kind

Objective = Literal["masks", "text", "conversations", "drawing"]


class RecipeError(ValueError):
    """A recipe is not what it should be; the message names the file, the place and the reason."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Phase(_Part):
    """A part of a stage at one size of picture and batch.

    Attributes:
        augment: Strength of the changes to pictures.
        transplants: Share of the pictures of a tumour that get one more from another patient.
    """

    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    side: int = Field(default=256, ge=64)
    prompts: int = Field(default=3, ge=1)
    augment: float = Field(default=0.7, ge=0, le=1)
    transplants: float = Field(default=0, ge=0, le=1)


class Stage(_Part):
    """One stage of the training.

    Attributes:
        name: Names its folder, such as "alignment".
        objective: "masks": the segmenter from a table of targets; "text": the language model on
            plain text; "conversations": the language model on questions with pictures; "drawing":
            masks through `[SEG]`, the projector and the segmenter, with the language loss.
        trains: Beginnings of the names of the parameters that learn; everything else is frozen.
        kinds: Of conversations, each as likely as the others, repeated for more.
        pictures: Whether conversations show their pictures; without, words alone are learned, much faster.
        rate: Highest learning rate; it warms up and falls to a fiftieth along a cosine.
    """

    name: str = Field(pattern=r"[a-z][a-z0-9_-]*")
    objective: Objective
    trains: tuple[str, ...] = Field(min_length=1)
    phases: tuple[Phase, ...] = Field(min_length=1)
    kinds: tuple[Kind, ...] = ()
    pictures: bool = True
    rate: float = Field(default=1e-3, gt=0)
    warmup: int = Field(default=100, ge=0)
    decay: float = Field(default=0.05, ge=0)
    average: float = Field(default=0.998, ge=0, lt=1)

    @property
    def steps(self) -> int:
        """Of all phases."""
        return sum(phase.steps for phase in self.phases)

    def phase(self, step: int) -> Phase:
        """The phase that a step belongs to."""
        for phase in self.phases:
            if step < phase.steps:
                return phase
            step -= phase.steps
        return self.phases[-1]

    @model_validator(mode="after")
    def _asks(self) -> "Stage":
        if self.objective in ("conversations", "drawing") and not self.kinds:
            raise ValueError(f"stage {self.name} trains on conversations and names no kinds")
        return self


class Beginning(_Part):
    """What the model is before the first stage: sizes for a new one, or folders of published parts.

    Attributes:
        config: As CitrusVConfig takes it; token ids are filled in from the tokenizer.
        vocabulary: Tokens of a tokenizer made from the text.
        mllm: Folder of a Qwen2.5-VL checkpoint to begin with, with its tokenizer.
        segmenter: Folder of a SAM 2 checkpoint, as transformers writes it.
        checkpoint: Folder of a whole Citrus-V checkpoint.
        max_pixels: Bound of a picture's area for the language model.
    """

    config: dict[str, Any] = Field(default_factory=dict)
    vocabulary: int = Field(default=4096, ge=300)
    mllm: Path | None = None
    segmenter: Path | None = None
    checkpoint: Path | None = None
    max_pixels: int = 168 * 168
    min_pixels: int = 56 * 56


class Recipe(_Part):
    """Everything that decides the outcome, beside the data."""

    seed: int = 0
    precision: Literal["no", "bf16", "fp16"] = "no"
    save_every: int = Field(default=200, ge=1)
    model: Beginning
    stages: tuple[Stage, ...] = Field(min_length=1)

    @classmethod
    def read(cls, path: Path) -> "Recipe":
        """Read a recipe; a bare name is one of ours.

        Raises:
            RecipeError: It is not a recipe.
        """
        file = path if path.suffix else OURS / f"{path}.toml"
        try:
            return cls.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            known = ", ".join(sorted(found.stem for found in OURS.glob("*.toml")))
            raise RecipeError(f"there is no recipe {file}; ours are {known}") from None
        except (OSError, ValueError, ValidationError) as error:
            raise RecipeError(f"{file}: {error}") from None

    def stage(self, name: str) -> Stage:
        """The stage of that name.

        Raises:
            RecipeError: There is none.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise RecipeError(f"there is no stage {name}; stages are {', '.join(one.name for one in self.stages)}")


OURS = Path(__file__).parent / "recipes"
