"""A page without a browser: speaks to the server as the page does, and keeps what it was shown."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Self

import httpx2
import socketio

from tests.ui.server import Server

Event = dict[str, Any]


class Client:
    """One session.

    Attributes:
        steps: Every message and step, by id, as last sent, in the order in which they came.
        elements: By id, as last sent.
        asked: What the person was asked, in order.
        case: The id of the conversation that the page was told of last.
    """

    def __init__(
        self,
        server: Server,
        session: str | None = None,
        headers: dict[str, str] | None = None,
        http: httpx2.Client | None = None,
        case: str = "",
    ) -> None:
        """A session of whoever signed in with `http`, the local user without; `case` is taken up at once."""
        self._again, self._wanted = session is not None, case
        self.address, self.session, self.headers = server.address, session or str(uuid.uuid4()), headers or {}
        self.http = http or server.sign_in()
        self.steps: dict[str, Event] = {}
        self.elements: dict[str, Event] = {}
        self.actions: list[Event] = []
        self.settings: list[Event] = []
        self.asked: list[Event] = []
        self.panels: list[Event] = []
        self.case = ""
        self.running = False
        self._begun = self._replying = False
        self.reply: Callable[[Event], Awaitable[str | None]] = self._never
        self._changed = asyncio.Event()
        self._socket = socketio.AsyncClient(reconnection=False)
        for event in ("new_message", "update_message", "stream_start"):
            self._socket.on(event, self._step)
        self._socket.on("element", self._element)
        self._socket.on("resume_thread", self._record)
        self._socket.on("action", self._keep(self.actions))
        self._socket.on("chat_settings", self._widgets)
        self._socket.on("set_sidebar_elements", self._keep(self.panels))
        self._socket.on("task_start", self._task(True))
        self._socket.on("task_end", self._task(False))
        self._socket.on("first_interaction", self._named)
        self._socket.on("ask", self._ask)

    async def __aenter__(self) -> Self:
        auth = {
            "sessionId": self.session,
            "clientType": "webapp",
            "threadId": self._wanted,
            "userEnv": "{}",
            "chatProfile": "",
        }
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())} | self.headers
        await self._socket.connect(
            self.address, headers, auth, transports=["websocket"], socketio_path="/ws/socket.io", wait_timeout=30
        )
        await self._socket.emit("connection_successful")
        if not self._again:
            await self.until(lambda: self.settings and not self.running)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.disconnect()
        self.http.close()

    def upload(self, name: str, data: bytes, mime: str = "application/octet-stream") -> str:
        """Send a file; its id."""
        answer = self.http.post(f"/project/file?session_id={self.session}", files={"file": (name, data, mime)})
        answer.raise_for_status()
        return str(answer.json()["id"])

    async def send(self, text: str, files: list[str] | None = None) -> None:
        message = {"id": str(uuid.uuid4()), "name": "User", "type": "user_message", "output": text, "createdAt": None}
        references = [{"id": identifier} for identifier in files or []]
        self.running, self._begun = True, False
        await self._socket.emit("client_message", {"message": message, "fileReferences": references})

    async def stop(self) -> None:
        await self._socket.emit("stop")

    async def set(self, **settings: str) -> None:
        self.running, self._begun = True, False
        await self._socket.emit("chat_settings_change", settings)
        await self.until(lambda: not self.running)

    def press(self, action: Event) -> None:
        answer = self.http.post("/project/action", json={"sessionId": self.session, "action": action})
        answer.raise_for_status()

    async def until(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        """Wait until `condition` holds, and return it."""
        async with asyncio.timeout(seconds):
            while not (value := condition()):
                self._changed.clear()
                await self._changed.wait()
        return value

    async def talk(self, text: str, files: list[str] | None = None) -> list[Event]:
        """Send, and wait until what follows has ended; all that was shown for it."""
        before = set(self.steps)
        await self.send(text, files)
        while True:
            await self.until(lambda: not self.running and not self._replying)
            # A turn that was stopped may report its end just after ours began; our own beginning follows it.
            await asyncio.sleep(0.2)
            if not self.running and not self._replying:
                break
        return [step for identifier, step in self.steps.items() if identifier not in before]

    def said(self, steps: list[Event] | None = None) -> list[str]:
        """The messages of the system, in order."""
        shown = self.steps.values() if steps is None else steps
        return [step["output"] for step in shown if step["type"] == "assistant_message"]

    @property
    def exhibits(self) -> list[Event]:
        """The evidence that was put beside answers."""
        return [element for element in self.elements.values() if element["display"] == "side"]

    def tools(self, steps: list[Event] | None = None) -> list[Event]:
        """The steps, in order."""
        return [step for step in (self.steps.values() if steps is None else steps) if step["type"] == "tool"]

    def read(self, element: Event) -> str:
        """What an element holds."""
        answer = self.http.get(element["url"] or f"/project/file/{element['chainlitKey']}?session_id={self.session}")
        answer.raise_for_status()
        return answer.text

    async def _step(self, data: Event) -> None:
        self.steps[data["id"]] = data
        self._changed.set()

    async def _named(self, data: Event) -> None:
        self.case = data["thread_id"]
        self._changed.set()

    async def _element(self, data: Event) -> None:
        self.elements[data["id"]] = data
        self._changed.set()

    async def _record(self, data: Event) -> None:
        """The record of a case takes the place of all that was shown."""
        self.case = data["id"]
        self.steps = {step["id"]: step for step in data["steps"]}
        self.elements = {element["id"]: element for element in data["elements"]}
        self._changed.set()

    async def _widgets(self, data: list[Event]) -> None:
        self.settings = data
        self._changed.set()

    def _keep(self, kept: list[Event]) -> Callable[[Event], Awaitable[None]]:
        async def keep(data: Event) -> None:
            kept.append(data)
            self._changed.set()

        return keep

    def _task(self, running: bool) -> Callable[..., Awaitable[None]]:
        async def task(*_: object) -> None:
            # An end before the beginning belongs to what was sent before.
            self._begun = self._begun or running
            if running:
                self._replying = False
            if self._begun:
                self.running = running
            self._changed.set()

        return task

    async def _ask(self, data: Event) -> Event | None:
        self.asked.append(data)
        self._replying = True
        self.steps[data["msg"]["id"]] = data["msg"]
        self._changed.set()
        name = await self.reply(data)
        found = [action for action in self.actions if action["name"] == name and action["id"] in data["spec"]["keys"]]
        return found[-1] if found else None

    async def _never(self, data: Event) -> str | None:
        await asyncio.sleep(3600)
        return None
