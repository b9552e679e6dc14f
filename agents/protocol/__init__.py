"""A reasoner that needs no weights: it follows a reading protocol and speaks from evidence only."""

from agents.protocol.reasoner import NAME, VERSION, ProtocolReasoner

__all__ = ["NAME", "VERSION", "ProtocolReasoner"]
