"""A conversation as its readers saw it, in plain words."""

from graphs.events import Answered, Asked, Corrected, Event, Revised


def transcript(events: list[Event]) -> str:
    """Questions, answers, what was withheld, what was corrected."""
    parts: list[str] = []
    for event in events:
        if isinstance(event, Asked):
            parts.append(f"Question {event.turn}: {event.question}\n")
        elif isinstance(event, Answered):
            parts.append(f"Answer {event.turn}: {event.answer}\n")
            parts += [f"Withheld: {claim.text} ({claim.reason})\n" for claim in event.withheld]
        elif isinstance(event, Corrected):
            new = f"replaced by {event.evidence[0].id}" if event.evidence else "rejected"
            parts.append(f"Correction {event.number}: {event.of} {new} by {event.by}. {event.reason}".rstrip() + "\n")
        elif isinstance(event, Revised):
            for revision in event.answers:
                parts.append(f"Answer {revision.turn} after correction {event.number}: {revision.answer}\n")
                parts += [f"Withheld: {claim.text} ({claim.reason})\n" for claim in revision.withheld]
    return "\n".join(parts)
