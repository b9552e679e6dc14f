"""What a trace records, one type per event; a conversation is the list of them.

Every event has a `key`: what it is the record of. The same key is never recorded twice with other
content, so an interrupted turn can be run again and finds what it had already done.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, TypeAdapter

from graphs.differential import Differential
from knowledge.case import Case, Record, Sha256
from knowledge.claim import Claim
from knowledge.evidence import Evidence, blobs_of

Json = dict[str, Any]
Key = tuple[str | int, ...]


class EventBase(Record):
    """Shared by every event: which blobs it points at, and what it is the record of."""

    @property
    def key(self) -> Key:
        """Identity of the step within its conversation."""
        raise NotImplementedError

    @property
    def blobs(self) -> tuple[Sha256, ...]:
        """Blobs that must be intact for the event to be."""
        return ()


class Opened(EventBase):
    """First event: everything that the conversation's outcome may depend on."""

    type: Literal["opened"] = "opened"
    conversation: str
    versions: dict[str, str]
    reasoner: Json
    tools: dict[str, str]
    backends: dict[str, str]
    library: str | None
    settings: Json
    seed: int

    @property
    def key(self) -> Key:
        """There is one."""
        return ("opened",)


class Admitted(EventBase):
    """The case as it was read: no identity, pixels by hash."""

    type: Literal["admitted"] = "admitted"
    case: Case
    evidence: tuple[Evidence, ...]
    pictures: tuple[Sha256, ...] = ()
    seconds: NonNegativeFloat

    @property
    def key(self) -> Key:
        """There is one."""
        return ("admitted",)

    @property
    def blobs(self) -> tuple[Sha256, ...]:
        """The pixels of every image, and the pictures shown to the reasoner."""
        return tuple(dict.fromkeys([*(image.pixels for image in self.case.images), *self.pictures]))


class Asked(EventBase):
    """The clinician's question, identity removed."""

    type: Literal["asked"] = "asked"
    turn: int
    question: str

    @property
    def key(self) -> Key:
        """One a turn."""
        return ("asked", self.turn)


class ReasonerStarted(EventBase):
    """The reasoner is about to be asked for one step; `prompt` is a blob of the exact messages."""

    type: Literal["reasoner_started"] = "reasoner_started"
    turn: int
    step: int
    prompt: Sha256
    tools: tuple[str, ...]

    @property
    def key(self) -> Key:
        """One a step."""
        return ("reasoner_started", self.turn, self.step)

    @property
    def blobs(self) -> tuple[Sha256, ...]:
        """The prompt."""
        return (self.prompt,)


class ReasonerFinished(EventBase):
    """The reasoner's raw output, or why there is none."""

    type: Literal["reasoner_finished"] = "reasoner_finished"
    turn: int
    step: int
    content: str
    tool_calls: tuple[Json, ...] = ()
    invalid_tool_calls: tuple[Json, ...] = ()
    thinking: str | None = None
    fault: str | None = None
    usage: Json | None = None
    seconds: NonNegativeFloat

    @property
    def key(self) -> Key:
        """One a step."""
        return ("reasoner_finished", self.turn, self.step)


class ToolStarted(EventBase):
    """A tool call is about to run."""

    type: Literal["tool_started"] = "tool_started"
    turn: int
    step: int
    call: str
    tool: str
    arguments: Json

    @property
    def key(self) -> Key:
        """One a call."""
        return ("tool_started", self.turn, self.step, self.call)


class ToolFinished(EventBase):
    """What a tool call established, with its evidence as filed.

    Attributes:
        refused: The tool's or the gate's reason, also filed as a limitation.
        fault: Type and words of an unexpected exception, likewise.
    """

    type: Literal["tool_finished"] = "tool_finished"
    turn: int
    step: int
    call: str
    tool: str
    version: str | None
    evidence: tuple[Evidence, ...]
    refused: str | None = None
    fault: str | None = None
    seconds: NonNegativeFloat

    @property
    def key(self) -> Key:
        """One a call."""
        return ("tool_finished", self.turn, self.step, self.call)

    @property
    def blobs(self) -> tuple[Sha256, ...]:
        """Blobs of all its evidence."""
        return tuple(dict.fromkeys(blob for item in self.evidence for blob in blobs_of(item)))


class Consent(EventBase):
    """A person's yes or no to one thing that needs it."""

    type: Literal["consent"] = "consent"
    subject: str
    question: str
    granted: bool

    @property
    def key(self) -> Key:
        """One a subject."""
        return ("consent", self.subject)


class Verified(EventBase):
    """A draft held against the evidence."""

    type: Literal["verified"] = "verified"
    turn: int
    attempt: int
    draft: str
    claims: tuple[Claim, ...]
    answer: str
    withheld: tuple[Claim, ...]

    @property
    def key(self) -> Key:
        """One an attempt."""
        return ("verified", self.turn, self.attempt)


class Differentiated(EventBase):
    """The differential as it stood when the turn was answered, each candidate with its logic tree."""

    type: Literal["differentiated"] = "differentiated"
    turn: int
    differential: Differential

    @property
    def key(self) -> Key:
        """One a turn."""
        return ("differentiated", self.turn)


class Answered(EventBase):
    """What the clinician was told; the turn is over."""

    type: Literal["answered"] = "answered"
    turn: int
    answer: str
    claims: tuple[Claim, ...]
    withheld: tuple[Claim, ...]
    bound: str | None = None

    @property
    def key(self) -> Key:
        """One a turn."""
        return ("answered", self.turn)


class Corrected(EventBase):
    """A person put right, or rejected, one piece of evidence; what follows from it comes after.

    Attributes:
        number: Corrections of a conversation count from 1.
        of: Id of the evidence, which stays on record and no longer stands.
        evidence: What takes its place, filed under an id of its own; empty where it is rejected.
        by: The account that did it.
        reason: The person's words, identity removed.
        head: Hash of the line before it.
        key_used: Public half, in hexadecimal, of the Ed25519 key that signed.
        signature: Of everything else here and the conversation's id, in hexadecimal.
    """

    type: Literal["corrected"] = "corrected"
    number: int
    of: str
    evidence: tuple[Evidence, ...]
    by: str
    reason: str = ""
    head: Sha256
    key_used: str = ""
    signature: str = ""

    @property
    def key(self) -> Key:
        """One a number."""
        return ("corrected", self.number)

    @property
    def blobs(self) -> tuple[Sha256, ...]:
        """The drawn mask."""
        return tuple(dict.fromkeys(blob for item in self.evidence for blob in blobs_of(item)))


class Revision(Record):
    """An answer as it reads after a correction.

    Attributes:
        draft: Its verified sentences with what took the place of what they cited, before verification.
        verified: Those of them that stand.
        answer: The whole answer, with what the system adds.
        withheld: What the answer withheld before, and what the correction took away.
    """

    turn: int
    draft: str
    verified: str
    answer: str
    claims: tuple[Claim, ...]
    withheld: tuple[Claim, ...]


class Revised(EventBase):
    """What followed from a correction; the correction is over.

    Attributes:
        replaced: Evidence that no longer stands, with what was established in its place.
        withdrawn: Evidence that no longer stands and has nothing in its place.
        answers: Every answer in which a sentence rested on either.
        differential: The differential as it stands now, or None where the correction left it as it was.
    """

    type: Literal["revised"] = "revised"
    number: int
    replaced: dict[str, str]
    withdrawn: tuple[str, ...]
    answers: tuple[Revision, ...]
    differential: Differential | None = None

    @property
    def key(self) -> Key:
        """One a correction."""
        return ("revised", self.number)


class Judged(EventBase):
    """What a reader thinks of an answer; nothing follows from it.

    Attributes:
        number: Judgements of a conversation count from 1; a later one of the same person and turn stands.
        by: The account that filed it.
        comment: The person's words, identity removed.
        head: Hash of the line before it.
        key_used: Public half, in hexadecimal, of the Ed25519 key that signed.
        signature: Of everything else here and the conversation's id, in hexadecimal.
    """

    type: Literal["judged"] = "judged"
    turn: int
    number: int
    opinion: Literal["helpful", "not helpful", "withdrawn"]
    comment: str = ""
    by: str
    head: Sha256
    key_used: str = ""
    signature: str = ""

    @property
    def key(self) -> Key:
        """One a number."""
        return ("judged", self.number)


class Stopped(EventBase):
    """A person stopped the turn before its step `step`."""

    type: Literal["stopped"] = "stopped"
    turn: int
    step: int

    @property
    def key(self) -> Key:
        """One a turn and step."""
        return ("stopped", self.turn, self.step)


class Resumed(EventBase):
    """The conversation was taken up again after the process that ran it had ended."""

    type: Literal["resumed"] = "resumed"
    torn_bytes: int
    after: int

    @property
    def key(self) -> Key:
        """One for each place it was taken up at."""
        return ("resumed", self.after)


Event = Annotated[
    Opened
    | Admitted
    | Asked
    | ReasonerStarted
    | ReasonerFinished
    | ToolStarted
    | ToolFinished
    | Consent
    | Verified
    | Differentiated
    | Answered
    | Corrected
    | Revised
    | Judged
    | Stopped
    | Resumed,
    Field(discriminator="type"),
]

EVENT: TypeAdapter[Event] = TypeAdapter(Event)

ASIDE = (Resumed, Judged)
"""Events that tell of something beside the graph's run, so that a replay does not come past them."""
