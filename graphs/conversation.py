"""A conversation over one case: opened, asked, interrupted, taken up again."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command
from langsmith import tracing_context
from numpy.typing import NDArray

from graphs.correction import propose
from graphs.diagnose import build
from graphs.differential import Differential, told
from graphs.events import (
    Admitted,
    Answered,
    Asked,
    Corrected,
    Differentiated,
    Judged,
    Revised,
    ToolFinished,
    ToolStarted,
)
from graphs.home import Home, new_identifier
from graphs.journal import LiveJournal, timed
from graphs.opening import opened
from graphs.overview import overview
from graphs.recognition import recognised
from graphs.setup import Bounds, Reasoner, Setup
from graphs.signing import signed
from graphs.standing import Standing
from graphs.trace import Trace, TraceError
from graphs.whom import keep, recall
from knowledge.blobs import BlobStore
from knowledge.case import Case, Patient
from knowledge.evidence import Evidence, Statement
from tools.imaging.identity import Identity
from tools.imaging.read import Reading
from tools.tool import Services, Tool

Read = Callable[[BlobStore], Reading]
Consent = Callable[[str, str], bool]
Chart = Callable[[Identity], Iterable[str]]
"""What else the chart says, such as laboratory values and a letter: read once it is known who is to be taken out."""
Progress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Equipment:
    """Everything that is joined for a conversation: who reasons, with which tools and services.

    Attributes:
        reasoner: Makes the reasoner of one conversation, which may read that conversation's blobs.
        backends: Name and version of every segmenter and grounder, for the trace.
        library: Fingerprint of the library's content, for the trace.
    """

    reasoner: Callable[[BlobStore], Reasoner]
    tools: dict[str, Tool]
    services: Services
    backends: dict[str, str]
    library: str | None
    bounds: Bounds = field(default_factory=Bounds)
    seed: int = 0


def refuse(subject: str, question: str) -> bool:
    """The consent of nobody: whatever needs a person's yes is declined."""
    return False


def empty(identity: Identity) -> Iterable[str]:
    """A chart that says nothing else."""
    return ()


def silent(progress: dict[str, Any]) -> None:
    """Progress that nobody watches."""


class Conversation:
    """One conversation, open in this process.

    Attributes:
        names: Neutral labels of files to the names the person gave; memory only.
        knows_whom: Whether what names the patient in the files is known, so that it can be taken out of texts.
    """

    def __init__(self, identifier: str, trace: Trace, saver: BaseCheckpointSaver[Any], equipment: Equipment) -> None:
        """Join an open trace and equipment; `start` and `resume` are the ways in."""
        self.identifier = identifier
        self.trace = trace
        self.journal = LiveJournal(trace)
        self.identity = Identity()
        self.knows_whom = True
        self.names: dict[str, str] = {}
        self._graph = build(saver)
        self._saver = saver
        self._setup = Setup(
            journal=self.journal,
            blobs=trace.blobs,
            reasoner=equipment.reasoner(trace.blobs),
            tools=equipment.tools,
            services=equipment.services,
            admit=self._not_admitted,
            bounds=equipment.bounds,
        )

    @classmethod
    @contextmanager
    def start(
        cls, home: Home, equipment: Equipment, read: Read, settings: dict[str, Any], chart: Chart = empty
    ) -> Iterator[Self]:
        """Begin a conversation: read the files, strip identity, record what they are.

        Args:
            read: Reads the person's files into a blob store.
            settings: What the person chose (spacing, modality), for the trace.
            chart: Gives further statements of the chart; identity is taken out of each.
        """
        identifier = new_identifier()
        with Trace(home.conversation(identifier)) as trace, home.checkpointer() as saver:
            conversation = cls(identifier, trace, saver, equipment)
            conversation.journal.note(opened(identifier, equipment, conversation.reasoner, settings))
            conversation._admit(read, chart)
            keep(conversation.identity, trace.folder, home.identity_key)
            yield conversation

    @classmethod
    @contextmanager
    def resume(cls, home: Home, equipment: Equipment, identifier: str) -> Iterator[Self]:
        """Take up a conversation of another process; a turn left unfinished is not yet run on.

        Raises:
            HomeError: `identifier` is no conversation's id.
            TraceError: There is no such conversation, or its trace is not intact.
        """
        folder = home.conversation(identifier)
        if not folder.is_dir():
            raise TraceError(f"there is no conversation {identifier} in {home.conversations}")
        with Trace(folder) as trace, home.checkpointer() as saver:
            conversation = cls(identifier, trace, saver, equipment)
            if conversation.journal.find(("admitted",)) is None:
                raise TraceError(f"{identifier}: its files had not been read when it ended; open them again")
            known = recall(folder, home.identity_key)
            conversation.identity, conversation.knows_whom = known or Identity(), known is not None
            yield conversation

    def _admit(self, read: Read, chart: Chart) -> None:
        def work() -> Admitted:
            reading, seconds = timed(lambda: read(self.trace.blobs))
            self.identity, self.names = reading.identity, reading.names
            patient = self._without_identity(reading.case.patient)
            case = reading.case.model_copy(update={"patient": patient})
            case = recognised(case, self.trace.blobs, self._setup.services.recogniser)
            pictures: tuple[str, ...] = ()
            if self.reasoner.pictures:
                away = self.reasoner.leaves_machine is not None
                pictures = overview(case, self.trace.blobs, leaves_machine=away)
            further = [self.identity.scrub(text) for text in chart(self.identity)]
            return Admitted(case=case, evidence=chart_statements(patient, further), pictures=pictures, seconds=seconds)

        self.journal.perform(None, ("admitted",), work)

    def _without_identity(self, patient: Patient) -> Patient:
        told = {"complaint": patient.complaint, "history": patient.history}
        return patient.model_copy(update={name: self.identity.scrub(text) for name, text in told.items() if text})

    def _not_admitted(self) -> Admitted:
        raise TraceError(f"{self.identifier}: its files were never read")

    @property
    def reasoner(self) -> Reasoner:
        """Who reasons here."""
        return self._setup.reasoner

    @property
    def case(self) -> Case:
        """The case as it was read."""
        admitted = self.journal.find(("admitted",))
        if not isinstance(admitted, Admitted):
            raise TraceError(f"{self.identifier}: its files were never read")
        return admitted.case

    @property
    def evidence(self) -> dict[str, Evidence]:
        """Everything filed so far, by id, in order, also what no longer stands."""
        return self.standing.evidence

    @property
    def standing(self) -> Standing:
        """What stands now: evidence, and answers as corrections revised them."""
        return Standing.of(self.trace)

    @property
    def turns(self) -> list[tuple[Asked, Answered | None]]:
        """Every question with its answer, None where the turn is unfinished."""
        asked = [event for event in self.trace if isinstance(event, Asked)]
        return [(event, self._answered(event.turn)) for event in asked]

    def _answered(self, turn: int) -> Answered | None:
        found = self.journal.find(("answered", turn))
        return found if isinstance(found, Answered) else None

    def ask(self, question: str, consent: Consent = refuse, progress: Progress = silent) -> Answered:
        """Run one turn to its answer; an earlier unfinished turn is finished first.

        Args:
            question: Anything that identifies the patient is taken out before it is recorded.
            consent: Asked with (subject, question) when something needs a person's yes.
            progress: Called with each step as it happens.

        Raises:
            ValueError: The question is empty or longer than 8,000 characters.
        """
        words = self.identity.scrub(question.strip())
        if not words or len(words) > 8000:
            raise ValueError("a question has between 1 and 8000 characters")
        self._setup.stop.clear()
        self.catch_up(consent, progress)
        return self._run(len(self.turns) + 1, words, consent, progress)

    def catch_up(self, consent: Consent = refuse, progress: Progress = silent) -> Answered | None:
        """Finish what another process left unfinished, and bring the graph's state to the trace.

        Returns:
            The answer of the last turn that had to be run, or None where nothing was left.
        """
        answer = None
        for event in list(self.trace):
            if isinstance(event, Asked):
                if self._answered(event.turn) is None or self._state().get("answered", 0) < event.turn:
                    answer = self._run(event.turn, event.question, consent, progress)
            elif isinstance(event, Corrected) and self._state().get("corrected", 0) < event.number:
                self._correct(event, consent, progress)
        return answer

    def correct(
        self,
        of: str,
        mask: NDArray[np.bool_] | None,
        *,
        by: str,
        key: Path,
        reason: str = "",
        consent: Consent = refuse,
        progress: Progress = silent,
    ) -> Revised:
        """Put evidence right and do again what rests on it; an unfinished turn is finished first.

        Args:
            of: Id of a mask, box, measurement or absence that stands.
            mask: (slices, rows, columns), what to put in place of a mask or an absence; None rejects.
            by: The account of the person who does it.
            key: File of the key that signs it, `Home.signing_key`.
            reason: Anything that identifies the patient is taken out before it is recorded.

        Raises:
            CorrectionError: It cannot be corrected so; nothing was recorded.
        """
        self._setup.stop.clear()
        self.catch_up(consent, progress)
        words = self.identity.scrub(reason.strip())
        wish = propose(self.standing, self.case, self.trace.blobs, of=of, mask=mask, by=by, reason=words)
        event = signed(wish.model_copy(update={"head": self.trace.head}), self.identifier, key)
        return self._correct(event, consent, progress)

    def _correct(self, event: Corrected, consent: Consent, progress: Progress) -> Revised:
        wish = event.model_dump(mode="json")
        snapshot = self._graph.get_state(self._config)
        pending = bool(snapshot.next) and snapshot.values.get("correction") == wish
        self._drive(None if pending else {"correction": wish}, consent, progress)
        revised = self.journal.find(("revised", event.number))
        if not isinstance(revised, Revised):
            raise TraceError(f"{self.identifier}: correction {event.number} ended without its outcome")
        return revised

    def judge(
        self, turn: int, opinion: Literal["helpful", "not helpful", "withdrawn"], comment: str, by: str, key: Path
    ) -> Judged:
        """File what a reader thinks of the answer of a turn.

        Args:
            comment: Anything that identifies the patient is taken out before it is recorded.
            by: The account of the person who does it.
            key: File of the key that signs it, `Home.signing_key`.

        Raises:
            ValueError: That turn has no answer, or the comment is longer than 8,000 characters.
        """
        if self._answered(turn) is None:
            raise ValueError(f"turn {turn} has no answer to think anything of")
        words = self.identity.scrub(comment.strip())
        if len(words) > 8000:
            raise ValueError(f"a comment has at most 8000 characters, not {len(words)}")
        number = 1 + sum(isinstance(event, Judged) for event in self.trace)
        event = Judged(turn=turn, number=number, opinion=opinion, comment=words, by=by, head=self.trace.head)
        event = signed(event, self.identifier, key)
        self.journal.note(event)
        return event

    def stop(self) -> None:
        """End the running turn at its next step; safe from another thread."""
        self._setup.stop.set()

    @property
    def _config(self) -> RunnableConfig:
        return {"configurable": {"thread_id": self.identifier}, "recursion_limit": 10_000}

    def _state(self) -> dict[str, Any]:
        return dict(self._graph.get_state(self._config).values)

    def _run(self, turn: int, question: str, consent: Consent, progress: Progress) -> Answered:
        snapshot = self._graph.get_state(self._config)
        pending = bool(snapshot.next) and snapshot.values.get("turn") == turn
        # A correction that was cut off was taken up before, or will be; it is not this turn's.
        self._drive(None if pending else {"turn": turn, "question": question, "correction": None}, consent, progress)
        answered = self._answered(turn)
        if answered is None:
            raise TraceError(f"{self.identifier}: turn {turn} ended without an answer")
        return answered

    def _drive(self, payload: Any, consent: Consent, progress: Progress) -> None:
        """Run the graph to its end, asking for consent where it waits for it."""
        try:
            while True:
                # Whatever the environment says, no prompt goes to LangSmith.
                with tracing_context(enabled=False):
                    for update in self._graph.stream(
                        payload, self._config, context=self._setup, stream_mode="custom", durability="sync"
                    ):
                        progress(update)
                waiting = self._graph.get_state(self._config).interrupts
                if not waiting:
                    break
                wish = waiting[0].value
                payload = Command(resume=consent(wish["subject"], wish["question"]))
        finally:
            self._setup.stop.clear()

    def differential(self, turn: int) -> Differential:
        """The differential of a turn's answer as it stands now; empty where nothing was held against criteria."""
        found = Differential()
        given = False
        for event in self.trace:
            if isinstance(event, Differentiated) and event.turn == turn:
                found, given = event.differential, True
            elif isinstance(event, Revised) and event.differential is not None and given:
                found = event.differential
        return found

    def report(self, answer: Answered) -> dict[str, Any]:
        """The answer as one JSON object: claims, evidence, steps, where the trace lies, its head."""
        turn = answer.turn
        calls = {event.call: event for event in self.trace if isinstance(event, ToolStarted) and event.turn == turn}
        return {
            "conversation": self.identifier,
            "answer": answer.answer,
            "claims": [claim.model_dump(mode="json") for claim in answer.claims],
            "evidence": [item.model_dump(mode="json") for item in self.evidence.values()],
            "differential": told(self.differential(turn)),
            "steps": [
                {
                    "tool": event.tool,
                    "arguments": calls[event.call].arguments,
                    "evidence": [item.id for item in event.evidence],
                    "refused": event.refused,
                    "seconds": round(event.seconds, 3),
                }
                for event in self.trace
                if isinstance(event, ToolFinished) and event.turn == turn
            ],
            "withheld": [claim.model_dump(mode="json") for claim in answer.withheld],
            "problems": [problem.model_dump(mode="json") for problem in self.case.problems],
            "trace": str(self.trace.file),
            "head": self.trace.head,
        }


def chart_statements(patient: Patient, further: Iterable[str] = ()) -> tuple[Evidence, ...]:
    """What the chart says of the patient, filed as the first evidence; `further` after the usual four."""
    words = {
        "Age": None if patient.age_years is None else f"{patient.age_years:g} years",
        "Sex": patient.sex,
        "Complaint": patient.complaint,
        "History": patient.history,
    }
    said = [*(f"{name}: {value}" for name, value in words.items() if value), *further]
    return tuple(
        Statement(id=f"E{number}", produced_by="admit", speaker="chart", text=text)
        for number, text in enumerate(said, 1)
    )
