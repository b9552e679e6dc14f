"""What the system adds to the verified sentences of an answer, in its own words."""

NOTICE = "This is decision support from a research system, not a diagnosis: a qualified reader must confirm it."
"""Ends every answer."""

REVISED = "This answer was revised after a reader corrected evidence that it rests on."


def closed(text: str, bound: str | None, *, revised: bool = False) -> str:
    """The whole answer around its verified sentences.

    Args:
        bound: The limit at which the turn stopped, if it did.
        revised: Whether a correction changed it.
    """
    parts = [text]
    if bound:
        parts.append(f"I stopped at the limit of {bound} for one turn, so this may be incomplete.")
    if revised:
        parts.append(REVISED)
    return "\n\n".join([*parts, NOTICE])


def opened(answer: str) -> str:
    """The answer without the notice, as the conversation's memory keeps it."""
    return answer.removesuffix(f"\n\n{NOTICE}")
