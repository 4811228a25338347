"""A fund as it was: its purposes, what its accounts held by its transfers until then, and what was set aside."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from audit.models import Entry
from casework.desks.history import moments
from casework.desks.history.moments import Until
from casework.desks.history.pictures import Picture, version_at
from casework.desks.history.readers import Names, Reader, facts_of
from flows.programmes import PROGRAMMES
from funds import standing
from funds.models import Account, Allocation, Fund
from funds.money import yuan

STANDING = (
    *("code", "name", "source", "unit", "document_no", "fiscal_level", "programmes", "purposes", "only_unit"),
    *("first_year", "last_year"),
)
MOST = 100  # allocations that a page shows


def streams_of(fund: Fund) -> list[str]:
    return [f"fund:{fund.pk}"]


def picture(reader: Reader, until: Until | None) -> Picture:
    """The fund by then. Its balances are summed anew: what stands in the accounts is today's."""
    fund: Fund = reader.record
    version, unknown = version_at(Fund, fund.pk, until)
    found = Picture(unknown=unknown, version=version)
    if version is None:
        return found
    held = standing.held_at(fund.pk, until if until is not None else timezone.now())
    found.add(_("资金"), facts_of(version, reader, Names.of(version), STANDING))
    found.add(_("余额，由当时为止的流水算出"), _balances(held))
    _add_allocations(found, fund, until, held)
    found.last = _last(streams_of(fund), version, until)
    return found


def stage_words() -> dict[str, str]:
    return {
        Account.Kind.AVAILABLE: _("没有分配"),
        Account.Kind.ALLOCATED: _("分配了，可以用"),
        Account.Kind.COMMITTED: _("已锁定"),
        Account.Kind.IN_PAYMENT: _("拨付中"),
        Account.Kind.PAID: _("已到账"),
        Account.Kind.IMPREST: _("备用金在手"),
        Account.Kind.IMPREST_SPENT: _("备用金已发，等手续"),
    }


def _balances(held: dict[int | None, dict[str, int]]) -> list[dict[str, Any]]:
    sums: dict[str, int] = {}
    for kinds in held.values():
        for kind, fen in kinds.items():
            sums[kind] = sums.get(kind, 0) + fen
    received = -sums.pop(Account.Kind.SOURCE, 0)
    facts = [{"label": _("收到"), "value": _yuan(received), "number": True}]
    facts += [
        {"label": words, "value": _yuan(sums[kind]), "number": True}
        for kind, words in stage_words().items()
        if kind in sums
    ]
    return facts if held else []


def _add_allocations(found: Picture, fund: Fund, until: Until | None, held: dict[int | None, dict[str, int]]) -> None:
    versions = Allocation.history.filter(id__in=Allocation.objects.filter(fund=fund).values("pk"))
    if until is not None:
        versions = versions.filter(moments.condition(until))
    rows = [row for row in versions.order_by("id", "-history_id").distinct("id")[: MOST + 1] if row.history_type != "-"]
    names = Names.of(*rows[:MOST])
    facts = []
    for row in rows[:MOST]:
        kinds = held.get(row.id, {})
        programme = PROGRAMMES[row.programme].title if row.programme in PROGRAMMES else _("用来再分")
        free, paid = kinds.get(Account.Kind.ALLOCATED, 0), kinds.get(Account.Kind.PAID, 0)
        note = _("可用 %(free)s 元，已到账 %(paid)s 元") % {"free": yuan(free), "paid": yuan(paid)}
        label = _("%(year)d 年 %(unit)s %(programme)s") % {
            "year": row.year,
            "unit": names.units.get(row.unit_id, "—"),
            "programme": programme,
        }
        facts.append({"label": label, "value": _yuan(sum(kinds.values())), "note": note})
    found.add(_("资金分配"), facts)
    if len(rows) > MOST:
        found.unknown.append(_("这里只列了前 %(n)d 项分配。") % {"n": MOST})


def _last(streams: list[str], version: Any, until: Until | None) -> Any:
    """The newest entry of the fund's chain by then; a day's is the version's own, for the chain knows the real clock alone."""
    rows = Entry.objects.filter(stream__in=streams)
    if until is None:
        return rows.order_by("-n").values_list("recorded_at", flat=True).first()
    if moments.is_instant(until):
        return rows.filter(recorded_at__lte=until).order_by("-n").values_list("recorded_at", flat=True).first()
    own = rows.filter(table=version._meta.db_table, row_id=version.history_id)
    return own.values_list("recorded_at", flat=True).first()


def _yuan(amount_fen: int) -> str:
    return _("%(amount)s 元") % {"amount": yuan(amount_fen)}
