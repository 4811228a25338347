"""The edges of all programmes as PostgreSQL knows them: what its law of the state goes by.

The specs are the truth; `write` copies them after every migration, by the owner of the tables, whom no page is. A state
that is not reached by one of these, and a signature by another role than the edge names, are refused there too.
"""

from collections.abc import Iterator
from typing import Any

from django.db import transaction

from audit.verify import KINDS, Problem
from flows.models import Way
from flows.programmes import PROGRAMMES
from flows.spec import MAY_OPEN, Spec

_COLUMNS = ("programme", "from_state", "action", "to_state", "roles", "duty")


def of(spec: Spec) -> Iterator[tuple[Any, ...]]:
    """The opening, and each edge to each of its targets: (programme, from, action, to, roles, duty)."""
    yield spec.code, "", "open", spec.initial, tuple(sorted(MAY_OPEN)), ""
    for edge in spec.edges:
        for target in sorted(edge.targets()):
            yield spec.code, edge.source, edge.action, target, tuple(sorted(edge.roles)), edge.duty


def write() -> None:
    """Let PostgreSQL know the edges of this program's specs, and no others."""
    wanted = {way for spec in PROGRAMMES.values() for way in of(spec)}
    if wanted == set(_known()):
        return
    with transaction.atomic():
        Way.objects.all().delete()
        Way.objects.bulk_create(Way(**dict(zip(_COLUMNS, way, strict=True))) for way in sorted(wanted))


def wrong_ways() -> Iterator[Problem]:
    """What PostgreSQL knows and no spec says, or the other way round: somebody has changed the law, or forgot to migrate."""
    wanted = {way for spec in PROGRAMMES.values() for way in of(spec)}
    for way in sorted(set(_known()) ^ wanted):
        words = " ".join(str(part) for part in way[:4])
        yield Problem("law", Way._meta.db_table, None, "", f"{KINDS['law']}：{words}")


def _known() -> Iterator[tuple[Any, ...]]:
    for programme, source, action, target, roles, duty in Way.objects.values_list(*_COLUMNS):
        yield programme, source, action, target, tuple(roles), duty
