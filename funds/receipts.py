"""Income with its papers: who gave, for which appeal, under which number. The ledger's verb stays services.receive.

What a donor's money did is told as a share of its fund: money has no names on it, so "her yuan went there" would be untrue.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, QuerySet, Sum
from django.utils.translation import gettext as _

from audit import clock, once
from audit.context import acting
from funds import duties, services
from funds.errors import WrongReceipt
from funds.models import Campaign, Donor, Fund, Receipt
from funds.refusals import in_plain_words

# What may come into a fund of which source; the same table stands in funds_receipt_guard.
SUITS: dict[str, tuple[str, ...]] = {
    Fund.Source.FISCAL: (Receipt.Kind.FISCAL, Receipt.Kind.OTHER),
    Fund.Source.RAISED: (Receipt.Kind.DONATION, Receipt.Kind.PARTNER, Receipt.Kind.DUES, Receipt.Kind.OTHER),
    Fund.Source.IN_KIND: (Receipt.Kind.DONATION, Receipt.Kind.OTHER),
    Fund.Source.PARTNER: (Receipt.Kind.PARTNER, Receipt.Kind.OTHER),
    Fund.Source.DUES: (Receipt.Kind.DUES, Receipt.Kind.OTHER),
}
PUBLISH_EVERY_MONTHS = 3  # Charity Law: appeals longer than six months publish at least every three months
LONG_MONTHS = 6


def _create(model: Any, **facts: Any) -> Any:
    with in_plain_words():
        return model.objects.create(**facts)


@dataclass(frozen=True)
class Income:
    """What is written on the papers of one income. Amount in fen."""

    kind: str
    amount_fen: int
    received_on: datetime.date
    donor: Donor | None = None
    campaign: Campaign | None = None
    receipt_no: str = ""
    document_no: str = ""
    purpose_words: str = ""
    bank_reference: str = ""


@transaction.atomic
def record(fund: Fund, income: Income, *, by: Any, key: str) -> Receipt:
    """Money has come in, with its paper. The same `key` again returns the same receipt.

    Raises NotYours, WrongReceipt where a paper is missing or does not fit, MonthClosed; then nothing is entered.
    """
    known = Receipt.objects.filter(transfer__key=key).first()
    if known:
        if (known.fund_id, known.amount_fen) != (fund.pk, income.amount_fen):
            raise WrongReceipt(_("这次提交的编号已经用在另一笔上，请刷新页面再办。"))
        return known
    post = duties.demand(by, "make", fund.unit)
    if income.received_on > clock.today():
        raise WrongReceipt(_("到账日期不能晚于今天。"))
    with acting(by, on_behalf_of=post.principal, reason="receive"):
        transfer = services.receive(
            fund,
            income.amount_fen,
            key=key,
            document_no=income.document_no or income.receipt_no,
            reason=income.purpose_words,
        )
        return _create(
            Receipt,
            kind=income.kind,
            unit_id=fund.unit_id,
            fund=fund,
            amount_fen=income.amount_fen,
            received_on=income.received_on,
            donor=income.donor,
            campaign=income.campaign,
            receipt_no=income.receipt_no or None,
            document_no=income.document_no,
            purpose_words=income.purpose_words,
            bank_reference=income.bank_reference,
            transfer=transfer,
            recorded_by=by,
        )


@transaction.atomic
def add_donor(unit: Any, kind: str, name: str = "", *, key: str) -> Donor:
    """A new name on the list; the same `key` again returns the same row.

    An organisation stands there once, and so does "without a name". Raises WrongReceipt.
    """
    once.wait_for(f"donor:{key}")
    known = Donor.objects.filter(key=key).first()
    if known:
        return known
    if kind != Donor.Kind.ANONYMOUS and not name.strip():
        raise WrongReceipt(_("请写捐赠人的名字；不愿留名的选「不留名」。"))
    return _create(Donor, key=key, unit=unit, kind=kind, name="" if kind == Donor.Kind.ANONYMOUS else name.strip())


@transaction.atomic
def open_campaign(
    fund: Fund,
    name: str,
    *,
    purpose_words: str,
    starts_on: datetime.date,
    ends_on: datetime.date | None = None,
    licence_no: str = "",
) -> Campaign:
    """A new appeal, whose donations go into this fund; the very same again is the same one. Raises WrongReceipt."""
    facts = {
        "name": name.strip(),
        "purpose_words": purpose_words.strip(),
        "starts_on": starts_on,
        "ends_on": ends_on,
        "licence_no": licence_no.strip(),
    }
    known = fund.campaigns.filter(**facts).first()
    if known:
        return known
    if Receipt.Kind.DONATION not in SUITS[fund.source]:
        raise WrongReceipt(_("募捐的钱要进募集资金，请换一项资金。"))
    if ends_on and ends_on < starts_on:
        raise WrongReceipt(_("结束日期不能早于开始日期。"))
    return _create(Campaign, unit_id=fund.unit_id, fund=fund, **facts)


@transaction.atomic
def close_campaign(campaign: Campaign) -> None:
    """It takes no more donations, from tomorrow on; a second time changes nothing."""
    if campaign.closed_on is None:
        campaign.closed_on = clock.today()
        campaign.save()


@transaction.atomic
def publish_campaign(campaign: Campaign, *, where: str) -> None:
    """Its figures were made public today. Raises WrongReceipt when nobody says where."""
    if not where.strip():
        raise WrongReceipt(_("请写明公布在哪里。"))
    campaign.published_on, campaign.published_where = clock.today(), where.strip()
    campaign.save()


def months_after(day: datetime.date, months: int) -> datetime.date:
    """The same day that many months later; the last of the month when there is none."""
    years, month = divmod(day.month - 1 + months, 12)
    first = datetime.date(day.year + years, month + 1, 1)
    next_month = datetime.date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return min(first + datetime.timedelta(day.day - 1), next_month - datetime.timedelta(1))


def publication_due(campaign: Campaign) -> datetime.date | None:
    """When its figures must be public again; None while nothing is asked for.

    An appeal that lasts over six months publishes every three, from its first day on, and so does one without an end:
    it may last. Every appeal publishes once within three months after its end.
    """
    ended = campaign.closed_on or (campaign.ends_on if campaign.ends_on and campaign.ends_on < clock.today() else None)
    if ended:
        is_told = campaign.published_on is not None and campaign.published_on >= ended
        return None if is_told else months_after(ended, PUBLISH_EVERY_MONTHS)
    if campaign.ends_on and campaign.ends_on <= months_after(campaign.starts_on, LONG_MONTHS):
        return None
    return months_after(campaign.published_on or campaign.starts_on, PUBLISH_EVERY_MONTHS)


def standing(rows: QuerySet[Receipt]) -> QuerySet[Receipt]:
    """Receipts that count: those whose entry was not reversed."""
    return rows.filter(transfer__reversed_by__isnull=True)


def raised_fen(campaigns: Iterable[Campaign]) -> dict[int, int]:
    """{campaign id: fen that it brought in}, one query for all."""
    rows = standing(Receipt.objects.filter(campaign__in=list(campaigns))).order_by().values("campaign")
    return dict(rows.annotate(fen=Sum("amount_fen")).values_list("campaign", "fen"))


@dataclass(frozen=True)
class Use:
    """What became of all that ever came into a fund, in fen. The parts add up to `income_fen`."""

    income_fen: int = 0
    paid_fen: int = 0
    held_fen: int = 0  # promised, on its way, or in a township's hands
    free_fen: int = 0
    gone_fen: int = 0  # moved to other funds or given back
    paid_for: tuple[tuple[str, int], ...] = ()  # (programme, fen)

    def share(self, given_fen: int) -> "Use":
        """The same for a part of the income: each figure in proportion, rounded down to whole fen; what is lost by that
        stays with `free_fen`, so that the parts still add up."""

        def part(fen: int) -> int:
            return fen * given_fen // self.income_fen if self.income_fen else 0

        paid_for = tuple((programme, part(fen)) for programme, fen in self.paid_for)
        paid, held, gone = sum(fen for _p, fen in paid_for), part(self.held_fen), part(self.gone_fen)
        return Use(given_fen, paid, held, given_fen - paid - held - gone, gone, paid_for)


_USE = """
SELECT a.fund_id, a.kind, coalesce(l.programme, ''), sum(a.credit_fen - a.debit_fen)::bigint
FROM funds_account a LEFT JOIN funds_allocation l ON l.id = a.allocation_id WHERE a.fund_id = ANY (%(funds)s)
GROUP BY 1, 2, 3
"""
_GONE = """
SELECT d.fund_id, sum(t.amount_fen)::bigint
FROM funds_transfer t JOIN funds_account d ON d.id = t.debit_id
WHERE t.kind IN ('interfund', 'hand_back') AND d.fund_id = ANY (%(funds)s) GROUP BY 1
"""


def uses_of(funds: Iterable[Fund]) -> dict[int, Use]:
    """{fund id: Use}, two queries for all."""
    ids = [fund.pk for fund in funds]
    with connection.cursor() as cursor:
        cursor.execute(_GONE, {"funds": ids})
        gone = dict(cursor.fetchall())
        cursor.execute(_USE, {"funds": ids})
        rows = cursor.fetchall()
    found = {}
    for pk in ids:
        mine = [(kind, programme, fen) for fund_id, kind, programme, fen in rows if fund_id == pk]
        paid_for = tuple(sorted((programme, fen) for kind, programme, fen in mine if kind == "paid" and fen))
        paid = sum(fen for _programme, fen in paid_for)
        free = sum(fen for kind, _programme, fen in mine if kind in ("available", "allocated"))
        held = sum(fen for kind, _p, fen in mine if kind not in ("source", "available", "allocated", "paid"))
        out = gone.get(pk, 0)
        found[pk] = Use(paid + free + held + out, paid, held, free, out, paid_for)
    return found


@dataclass(frozen=True)
class Given:
    """What one donor gave to one fund, and the donor's share of what that fund did."""

    fund: Fund
    given_fen: int
    whole: Use

    @property
    def part(self) -> Use:
        return self.whole.share(self.given_fen)


def given_by(donor: Donor) -> list[Given]:
    """What a donor gave, by fund; reversed receipts do not count. Four queries however many receipts."""
    rows = standing(donor.receipts.all()).order_by().values("fund").annotate(fen=Sum("amount_fen"))
    sums = dict(rows.values_list("fund", "fen"))
    funds = list(Fund.objects.filter(pk__in=sums).order_by("code"))
    uses = uses_of(funds)
    return [Given(fund, sums[fund.pk], uses[fund.pk]) for fund in funds]


def totals_of(donors: Iterable[Donor]) -> dict[int, tuple[int, int]]:
    """{donor id: (receipts, fen)}, one query for all."""
    rows = standing(Receipt.objects.filter(donor__in=list(donors))).order_by().values("donor")
    counted = rows.annotate(n=Count("id"), fen=Sum("amount_fen")).values_list("donor", "n", "fen")
    return {pk: (n, fen) for pk, n, fen in counted}
