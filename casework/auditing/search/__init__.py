"""The auditor's search: one box for whatever stands on any paper, answered kind by kind, each hit with its reason.

    asked = Asked(q="曾红明")                     reading.py: what a typed text may be
    groups = find(user, asked)                    finding.py: a page of each kind, only within reach
    more = find(user, asked, "payment", before=…) the next page of one kind, by key

Whole identity and account numbers are looked for by their keyed fingerprints and never shown. Each search is written down:
the digest of what was asked (not the text, which may be a number), how many were found, the digest of which.
"""

from casework.auditing.search.finding import Group, Hit, find, record
from casework.auditing.search.reading import Asked

__all__ = ["Asked", "Group", "Hit", "find", "record"]
