"""The list of a person's cases, and what they think of answers: Chainlit's data layer, over our traces.

Nothing of the page is stored: the list is read from the folders of conversations, a case from its
trace. What Chainlit would store beside it is let go.
"""

import asyncio
from typing import Any

from chainlit.data.base import BaseDataLayer
from chainlit.types import Feedback, PageInfo, PaginatedResponse, Pagination, ThreadDict, ThreadFilter
from chainlit.user import PersistedUser, User

from graphs.conversation import Conversation
from graphs.events import Asked, Judged
from graphs.home import HomeError
from graphs.trace import TRACE_FILE, Entry, TraceError, read_trace
from ui import access_log
from ui.access_door import USER
from ui.chat_answers import Said, said
from ui.chat_history import History
from ui.chat_house import House
from ui.viewer_case import Shown

_TITLE = 80
_DAY_ONE = "2025-01-01T00:00:00.000Z"


class Threads(BaseDataLayer):  # type: ignore[misc]  # Chainlit has no types
    """What Chainlit asks for, answered for the person who asks alone."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def get_user(self, identifier: str) -> PersistedUser | None:
        """Everybody whom the door let in is known."""
        return PersistedUser(id=identifier, identifier=identifier, createdAt=_DAY_ONE)

    async def create_user(self, user: User) -> PersistedUser | None:
        """Likewise."""
        return await self.get_user(user.identifier)

    async def list_threads(self, pagination: Pagination, filters: ThreadFilter) -> PaginatedResponse[ThreadDict]:
        """A page of the person's cases, the latest first."""
        return await asyncio.to_thread(self._list, pagination, filters, USER.get())

    def _list(self, pagination: Pagination, filters: ThreadFilter, user: str | None) -> PaginatedResponse[ThreadDict]:
        names = self._names(user)
        if pagination.cursor in names:
            names = names[names.index(pagination.cursor) + 1 :]
        wanted = (filters.search or "").lower()
        found: list[ThreadDict] = []
        for name in names:
            thread = self._summary(name)
            if thread is not None and wanted in str(thread["name"]).lower():
                found.append(thread)
            if len(found) > pagination.first:
                break
        more = len(found) > pagination.first
        found = found[: pagination.first]
        ends = (found[0]["id"], found[-1]["id"]) if found else (None, None)
        return PaginatedResponse(PageInfo(more, *ends), found)

    def _names(self, user: str | None) -> list[str]:
        folder = self._house.home.conversations
        if user is None or not folder.is_dir():
            return []
        names = sorted((one.name for one in folder.iterdir()), reverse=True)
        return [name for name in names if self._house.access.may_open(user, name)]

    def _open(self, identifier: str) -> Shown | None:
        try:
            return Shown.open(self._house.home, identifier)
        except (HomeError, TraceError):
            return None

    def _summary(self, identifier: str) -> ThreadDict | None:
        shown = self._open(identifier)
        if shown is None or not shown.case.images:
            return None
        owner = self._house.access.owner(identifier)
        return ThreadDict(
            id=identifier,
            createdAt=shown.times[0],
            name=title(shown),
            userId=owner,
            userIdentifier=owner,
            tags=None,
            metadata={},
            steps=[],
            elements=[],
        )

    async def get_thread(self, thread_id: str) -> ThreadDict | None:
        """A whole case as the page shows it; of nobody but whoever may open it."""
        user = USER.get()
        if user is None or not self._house.access.may_open(user, thread_id):
            access_log.note("refused", why="another's case, or none", user=user)
            return None
        return await asyncio.to_thread(self._whole, thread_id, user)

    def _whole(self, identifier: str, user: str) -> ThreadDict | None:
        thread = self._summary(identifier)
        if thread is None:
            return None
        entries = read_trace(self._house.home.conversation(identifier) / TRACE_FILE)
        tools = self._house.equipment(self._house.reasoner).tools
        history = History.of(identifier, entries, {name: tool.purpose for name, tool in tools.items()})
        answers = said(identifier, entries)
        for entry in entries:
            if isinstance(entry.event, Judged) and entry.event.by == user:
                _mark(history, answers, entry, entry.event)
        thread["userId"] = thread["userIdentifier"] = user
        thread["steps"], thread["elements"] = history.steps, history.elements
        return thread

    async def get_thread_author(self, thread_id: str) -> str:
        """The person who asks, where they may open it."""
        user = USER.get()
        return user if user is not None and self._house.access.may_open(user, thread_id) else ""

    async def upsert_feedback(self, feedback: Feedback) -> str:
        """File a thumb and a comment in the trace of the case."""
        opinion = "helpful" if feedback.value else "not helpful"
        return await self._judge(feedback.threadId or "", feedback.forId, opinion, feedback.comment or "")

    async def delete_feedback(self, feedback_id: str) -> bool:
        """File that it was withdrawn; what was filed stays on record."""
        identifier, _, message = feedback_id.partition(" ")
        await self._judge(identifier, message, "withdrawn", "")
        return True

    async def _judge(self, identifier: str, message: str, opinion: Any, comment: str) -> str:
        user = USER.get()
        if user is None or not self._house.access.may_open(user, identifier):
            access_log.note("refused", why="a thumb on another's case, or none", user=user)
            raise TraceError("there is no such case")
        key = self._house.home.signing_key

        def file(conversation: Conversation) -> None:
            answers = said(identifier, conversation.trace.entries)
            turn = next((one.turn for one in answers if one.run == message), 0)
            if not turn:
                raise ValueError("only an answer can be judged")
            conversation.judge(turn, opinion, comment, user, key)

        await self._house.work_on(identifier, file)
        return f"{identifier} {message}"

    async def create_element(self, element: Any) -> None:
        """Let go: it is in the trace."""

    async def get_element(self, thread_id: str, element_id: str) -> None:
        """None is stored."""

    async def delete_element(self, element_id: str, thread_id: str | None = None) -> None:
        """None is stored."""

    async def create_step(self, step_dict: Any) -> None:
        """Let go: it is in the trace."""

    async def update_step(self, step_dict: Any) -> None:
        """Let go."""

    async def delete_step(self, step_id: str) -> None:
        """None is stored."""

    async def delete_thread(self, thread_id: str) -> None:
        """A record is not deleted by the page.

        Raises:
            TraceError: Always.
        """
        raise TraceError("a record is not deleted here")

    async def update_thread(
        self,
        thread_id: str,
        name: str | None = None,
        user_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        tags: list[str] | None = None,
    ) -> None:
        """Let go: a name that is typed may be the patient's."""

    async def build_debug_url(self) -> str:
        """There is none."""
        return ""

    async def close(self) -> None:
        """Nothing is open."""

    async def get_favorite_steps(self, user_id: str) -> list[Any]:
        """There are none."""
        return []


def title(shown: Shown) -> str:
    """What a case is called in the list: what its first image is, and what was first asked."""
    first = shown.case.images[0]
    more = f" and {len(shown.case.images) - 1} more" if len(shown.case.images) > 1 else ""
    part = f" {first.body_part}" if first.body_part else ""
    question = next((event.question for event in shown.events if isinstance(event, Asked)), "")
    name = f"{first.modality.value}{part}{more}: {question}" if question else f"{first.label}{more}"
    return name if len(name) <= _TITLE else f"{name[: _TITLE - 1]}…"


def _mark(history: History, answers: list[Said], entry: Entry, event: Judged) -> None:
    """Show on an answer what the person thought of it last: on the latest wording there was when it was filed."""
    runs = [one.run for one in answers if one.turn == event.turn and one.at.seq < entry.seq]
    for step in history.steps:
        if step["id"] in runs:
            given = step["id"] == runs[-1] and event.opinion != "withdrawn"
            step["feedback"] = {
                "forId": step["id"],
                "id": f"{answers[0].conversation} {step['id']}",
                "value": int(event.opinion == "helpful"),
                "comment": event.comment,
            } if given else None  # fmt: skip
