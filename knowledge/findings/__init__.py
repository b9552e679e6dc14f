"""Findings of a report, read by rules and a vocabulary: no model, no network, the same answer every time.

`extract.read_findings` goes `words` (sentences) -> `tagging` (vocabulary: `terms`, `anatomy`, `cues`) -> `clauses` ->
`reading` (what is named) -> `attributes` (its side, place, degree and figures) -> `context` (whether it is there).
"""
