"""One stage of training from its first step to its last, on one device or many; a kill costs little."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from agents.citrus_v.training.objectives import OBJECTIVES, Learner
from agents.citrus_v.training.recipe import Recipe, Stage

FLOOR = 0.02
"""Share of the highest rate at the end of a stage."""

Progress = Callable[[str, int, int, dict[str, float]], None]
"""Told stage, step, steps and mean losses since it was last told."""

_TELL_EVERY = 20


class Engine:
    """Trains a learner stage by stage into a folder.

    In the folder: `metrics.jsonl`, a line every few steps; for each stage a folder with the
    `average.safetensors` of its weights once it has ended, and, while it runs, what resumes it.
    Run under torchrun or `accelerate launch`, every process draws its own part of each batch.

    Args:
        folder: Made where it is not there.
        progress: Told how it goes, in the main process.
    """

    def __init__(self, learner: Learner, recipe: Recipe, folder: Path, progress: Progress | None = None) -> None:
        self.learner, self.recipe, self.folder = learner, recipe, folder
        self.progress = progress
        # SAM 2's prompts for points and boxes, among others, take part in no loss.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        self.accelerator = Accelerator(
            mixed_precision=recipe.precision, cpu=not torch.cuda.is_available(), kwargs_handlers=[unused]
        )
        folder.mkdir(parents=True, exist_ok=True)

    def done(self, stage: Stage) -> bool:
        """Whether the stage has ended in this folder."""
        return self._ended(stage).is_file()

    def load(self, stage: Stage) -> None:
        """Take the weights with which the stage ended."""
        load_state(self.learner, self._ended(stage))

    def run(self, stage: Stage, batch: Callable[[int, int], Any]) -> None:
        """Train one stage, from where it was interrupted if it was.

        Args:
            batch: The batch of a step, of that many conversations or pictures.
        """
        learner, accelerator = self.learner, self.accelerator
        trained = freeze(learner, stage)
        objective: nn.Module = OBJECTIVES[stage.objective](learner)
        optimizer = torch.optim.AdamW(_groups(trained, stage.decay), lr=stage.rate, betas=(0.9, 0.98))
        objective, optimizer = accelerator.prepare(objective, optimizer)
        average = {name: value.detach().clone().float() for name, value in trained.items()}
        step = self._resume(stage, trained, optimizer, average)
        learner.train()
        heard: list[dict[str, float]] = []
        ranks, rank = accelerator.num_processes, accelerator.process_index
        while step < stage.steps:
            for group in optimizer.param_groups:
                group["lr"] = rate_at(stage, step)
            phase = stage.phase(step)
            part = _to(batch(step * ranks + rank, max(1, phase.batch // ranks)), accelerator.device)
            with accelerator.autocast():
                losses: dict[str, Tensor] = objective(part)
            optimizer.zero_grad()
            accelerator.backward(losses["total"])
            accelerator.clip_grad_norm_(list(trained.values()), 1.0)
            optimizer.step()
            step += 1
            _follow(average, trained, min(stage.average, (step + 1) / (step + 10)))
            heard.append({name: float(value.detach()) for name, value in losses.items()})
            if accelerator.is_main_process and (step % _TELL_EVERY == 0 or step == stage.steps):
                self._tell(stage, step, heard)
                heard = []
            if accelerator.is_main_process and step % self.recipe.save_every == 0:
                self._keep(stage, step, trained, optimizer, average)
        with torch.no_grad():
            for name, value in trained.items():
                value.copy_(average[name])
        if accelerator.is_main_process:
            self._end(stage)
        accelerator.wait_for_everyone()

    def _tell(self, stage: Stage, step: int, heard: list[dict[str, float]]) -> None:
        # A batch without [SEG] has no loss of prompts: each loss is a mean over the batches that have it.
        names = list(dict.fromkeys(name for one in heard for name in one))
        means = {name: round(mean(one[name] for one in heard if name in one), 5) for name in names}
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"stage": stage.name, "step": step, "rate": rate_at(stage, step), **means}) + "\n")
        if self.progress is not None:
            self.progress(stage.name, step, stage.steps, means)

    def _ended(self, stage: Stage) -> Path:
        return self.folder / stage.name / "average.safetensors"

    def _keep(
        self, stage: Stage, step: int, trained: Mapping[str, Tensor], optimizer: Any, average: dict[str, Tensor]
    ) -> None:
        place = self.folder / stage.name
        place.mkdir(exist_ok=True)
        state = {
            "step": step,
            "weights": {name: value.detach().cpu() for name, value in trained.items()},
            "average": {name: value.cpu() for name, value in average.items()},
            "optimizer": optimizer.state_dict(),
        }
        torch.save(state, place / "resume.pt.new")
        # A kill while writing leaves the older one whole.
        (place / "resume.pt.new").replace(place / "resume.pt")

    def _resume(self, stage: Stage, trained: Mapping[str, Tensor], optimizer: Any, average: dict[str, Tensor]) -> int:
        kept = self.folder / stage.name / "resume.pt"
        if not kept.is_file():
            return 0
        state = torch.load(kept, weights_only=True, map_location="cpu")
        if set(state["weights"]) != set(trained):
            raise ValueError(f"{kept} was made with another recipe; delete it or take another folder")
        with torch.no_grad():
            for name, value in trained.items():
                value.copy_(state["weights"][name])
                average[name].copy_(state["average"][name])
        optimizer.load_state_dict(state["optimizer"])
        return int(state["step"])

    def _end(self, stage: Stage) -> None:
        place = self.folder / stage.name
        place.mkdir(exist_ok=True)
        save_state(self.learner, place / "new.safetensors")
        (place / "new.safetensors").replace(self._ended(stage))
        (place / "resume.pt").unlink(missing_ok=True)


def freeze(learner: Learner, stage: Stage) -> dict[str, nn.Parameter]:
    """Let the stage's parameters learn and no others; those that learn, by name.

    Raises:
        ValueError: A beginning of names in `stage.trains` fits none.
    """
    trained: dict[str, nn.Parameter] = {}
    used = set()
    for name, parameter in learner.named_parameters():
        fits = [start for start in stage.trains if name == start or name.startswith(start + ".")]
        used.update(fits)
        parameter.requires_grad_(bool(fits))
        if fits:
            trained[name] = parameter
    if missing := sorted(set(stage.trains) - used):
        # A tied output layer goes by the name of the embeddings.
        missing = [name for name in missing if not name.endswith("lm_head")]
        if missing:
            raise ValueError(f"stage {stage.name} trains {', '.join(missing)}, which the model does not have")
    return trained


def rate_at(stage: Stage, step: int) -> float:
    """The learning rate of a step: a linear rise, then half a cosine down to `FLOOR`."""
    rise = min(1.0, (step + 1) / max(1, stage.warmup))
    fall = 0.5 * (1 + math.cos(math.pi * step / stage.steps))
    return stage.rate * rise * (fall * (1 - FLOOR) + FLOOR)


def save_state(learner: Learner, file: Path) -> None:
    """Every tensor once, shared ones under their first name."""
    kept: dict[str, Tensor] = {}
    seen = set()
    for name, value in learner.state_dict().items():
        if value.data_ptr() not in seen:
            seen.add(value.data_ptr())
            kept[name] = value.detach().cpu().contiguous()
    save_file(kept, file)


def load_state(learner: Learner, file: Path) -> None:
    """Take the weights of `save_state`."""
    learner.load_state_dict(load_file(file), strict=False)


def _groups(trained: dict[str, nn.Parameter], decay: float) -> list[dict[str, Any]]:
    """Weights decay; biases, norms and single vectors do not."""
    return [
        {"params": [value for value in trained.values() if value.ndim > 1], "weight_decay": decay},
        {"params": [value for value in trained.values() if value.ndim <= 1], "weight_decay": 0.0},
    ]


@torch.no_grad()
def _follow(average: dict[str, Tensor], trained: dict[str, nn.Parameter], keep: float) -> None:
    for name, value in trained.items():
        average[name].lerp_(value.detach().float(), 1 - keep)


def _to(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, tuple):
        return tuple(_to(part, device) for part in batch)
    if batch is None:
        return None
    return type(batch)(**{name: _to(value, device) for name, value in vars(batch).items()})


def metrics(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a training's metrics."""
    for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def plot(folder: Path) -> Path:
    """Draw the losses of every stage to `metrics.png` in the folder.

    Raises:
        FileNotFoundError: Nothing was trained there.
    """
    from matplotlib.figure import Figure

    stages: dict[str, list[dict[str, Any]]] = {}
    for line in metrics(folder):
        stages.setdefault(line["stage"], []).append(line)
    figure = Figure(figsize=(4 * len(stages), 3), layout="constrained")
    for place, (name, lines) in enumerate(stages.items(), start=1):
        axes = figure.add_subplot(1, len(stages), place)
        for loss in dict.fromkeys(key for line in lines for key in line if key not in ("stage", "step", "rate")):
            axes.plot([line["step"] for line in lines], [float(line.get(loss, "nan")) for line in lines], label=loss)
        axes.set(title=name, xlabel="step", yscale="log")
        axes.legend(fontsize="x-small")
    file = folder / "metrics.png"
    figure.savefig(file)
    return file
