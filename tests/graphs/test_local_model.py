"""A tiny random checkpoint leads a conversation end to end, and is not believed."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from langgraph.graph import START, StateGraph
from typer.testing import CliRunner

from agents.citrus_v.chat import CitrusVReasoner
from agents.citrus_v.files import fingerprint
from graphs.conversation import Conversation
from graphs.diagnose import NOTICE
from graphs.equipment import EquipmentError, equip, services
from graphs.events import Admitted, Asked, Opened, ReasonerFinished
from graphs.home import Home
from graphs.local_model import LocalModel, tell_slices
from graphs.overview import overview
from graphs.replay import replay
from graphs.setup import Bounds
from knowledge.blobs import BlobStore
from knowledge.case import Case, Modality
from tests.agents.citrus_v import tiny
from tools.backends import Grounder, Segmenter
from tools.imaging.read import Reading, read_case
from tools.imaging.volume import Volume
from tools.tool import ToolRefusal
from ui.cli import app


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint")
    built = tiny.model()
    tiny.write_published(built, path)
    # Pictures of a few patches, so that a random model on a CPU is done in seconds.
    tiny.processor(built, max_pixels=112 * 112).save_pretrained(path)
    return path


@pytest.fixture
def home(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("CITRUS_MODEL", str(checkpoint))
    monkeypatch.setenv("CITRUS_HOME", str(tmp_path / "home"))
    whole = LocalModel.reasoner

    def brief(self: LocalModel, resolve: Callable[[str], bytes]) -> CitrusVReasoner:
        """A random model does not know when to stop."""
        return whole(self, resolve).model_copy(update={"max_new_tokens": 32})

    monkeypatch.setattr(LocalModel, "reasoner", brief)
    yield Home()
    LocalModel.open.cache_clear()


@pytest.fixture
def film(tmp_path: Path) -> Path:
    file = tmp_path / "skin.png"
    PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)).save(file)
    return file


def reading(film: Path):
    def read(blobs: BlobStore) -> Reading:
        return read_case([film], blobs, modality=Modality.XC)

    return read


def test_a_random_model_leads_a_conversation_and_is_not_believed(home: Home, film: Path, checkpoint: Path) -> None:
    equipment = equip(home, "citrus-v", Bounds(steps=3, objections=1))
    with Conversation.start(home, equipment, reading(film), {}) as conversation:
        answer = conversation.ask("What is this?")
        events = list(conversation.trace)
        report = conversation.report(answer)
    opened = next(event for event in events if isinstance(event, Opened))
    weights = fingerprint(checkpoint)
    assert opened.reasoner["name"] == "citrus-v"
    assert opened.reasoner["weights"] == weights
    assert opened.backends["citrus-v"] == opened.backends["citrus-v boxes"] == weights[:12]
    assert next(event for event in events if isinstance(event, Admitted)).pictures
    said = [event for event in events if isinstance(event, ReasonerFinished)]
    assert said and not any(event.fault for event in said)
    assert not any(event.invalid_tool_calls for event in said)
    # Noise carries no fact: nothing of it is in the answer, and what was withheld is listed.
    assert not answer.claims
    assert answer.withheld or "no answer" in answer.answer
    assert answer.answer.endswith(NOTICE)
    assert all(event.content.strip() not in answer.answer for event in said if event.content.strip())
    assert replay(Path(report["trace"])).steps == len(events)


def test_the_picture_is_seen_once_in_a_conversation(home: Home, film: Path) -> None:
    model = LocalModel.open(home.model.resolve())
    equipment = equip(home, "citrus-v", Bounds(steps=2, objections=0))
    with Conversation.start(home, equipment, reading(film), {}) as conversation:
        conversation.ask("What is this?")
        conversation.ask("And what is it not?")
        asked = [event for event in conversation.trace if isinstance(event, Asked)]
        (memory,) = model.shelf._kept.values()
    assert len(asked) == 2
    assert len(memory) > 1000
    assert model.reader.seen.encoded == 1


def test_the_command_runs_end_to_end(home: Home, film: Path) -> None:
    arguments = ["ask", str(film), "-q", "Is there a melanoma?", "--reasoner", "citrus-v", "--modality", "XC", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["answer"].endswith(NOTICE)
    assert not report["claims"]


def test_rules_come_before_the_model(home: Home) -> None:
    joined = services(home)
    assert [seer.name for seer in joined.segmenters][-1] == "citrus-v"
    assert len(joined.segmenters) > 1
    for seer, kind in ((joined.segmenters[-1], Segmenter), (joined.grounders[-1], Grounder)):
        assert isinstance(seer, kind)
        assert "skin lesion" in {target.name for target in seer.targets()}


def test_what_the_model_draws_is_the_tools_kind_of_result(home: Home, film: Path, tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    image = reading(film)(blobs).case.images[0]
    volume = Volume.load(image, blobs)
    segmenter = services(home).segmenters[-1]
    result = segmenter.segment(image, volume, ["skin lesion"])[0]
    assert result.target == "skin lesion"
    assert "citrus-v" in result.searched
    assert result.caveats
    assert result.mask is None or result.mask.shape == volume.shape


def test_what_the_model_cannot_read_is_a_refusal(home: Home, tmp_path: Path) -> None:
    strip = tmp_path / "strip.png"
    PIL.Image.fromarray(np.zeros((2, 900, 3), dtype=np.uint8)).save(strip)
    blobs = BlobStore(tmp_path / "blobs")
    image = read_case([strip], blobs, modality=Modality.XC).case.images[0]
    volume = Volume.load(image, blobs)
    joined = services(home)
    with pytest.raises(ToolRefusal, match="cannot be read") as refusal:
        joined.segmenters[-1].segment(image, volume, ["skin lesion"])
    assert refusal.value.target == "skin lesion"
    with pytest.raises(ToolRefusal, match="cannot be read"):
        joined.grounders[-1].ground(image, volume, "skin lesion")


def test_without_a_checkpoint_it_is_said_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CITRUS_MODEL", raising=False)
    with pytest.raises(EquipmentError, match="needs CITRUS_MODEL"):
        equip(Home(home=tmp_path), "citrus-v")
    for folder, reason in ((tmp_path / "nowhere", "neither"), (tmp_path, "neither")):
        with pytest.raises(EquipmentError, match=f"CITRUS_MODEL=.*{reason}"):
            equip(Home(home=tmp_path, model=folder), "citrus-v")


def test_a_picture_that_may_hold_a_name_stays_here(film: Path, tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    case = reading(film)(blobs).case
    marked = case.images[0].model_copy(
        update={"caveats": ("text burned into the picture, such as a name, is possible",)}
    )
    both = Case.model_validate(case.model_dump() | {"images": [case.images[0], marked.model_copy(update={"id": "I2"})]})
    assert len(overview(both, blobs, leaves_machine=False)) == 2
    away = overview(both, blobs, leaves_machine=True)
    assert len(away) == 1
    assert away == overview(case, blobs, leaves_machine=True)


def test_who_follows_a_turn_is_told_of_slices() -> None:
    def node(_: dict) -> dict:
        tell_slices(8, 32)
        tell_slices(1, 1)
        return {}

    graph = StateGraph(dict).add_node(node).add_edge(START, "node").compile()
    assert list(graph.stream({}, stream_mode="custom")) == [{"type": "slices", "done": 8, "known": 32}]
    tell_slices(8, 32)  # nobody follows, and nothing fails
