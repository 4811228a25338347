"""Goods for families: who may be given some, the signed paper under a slip, and what a case was given.

Joins the goods of funds with households, papers and cases, of which funds knows values only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from casework import handing_out, uploads
from casework.errors import BadCaseData
from casework.models import Case
from families import services as families
from families.folding import search_pattern
from families.models import Household
from funds import stock
from funds.models import StockItem, StockMove, StockSignature, StockSlip, StockStore

M = StockMove.Kind


def households_of(store: StockStore) -> QuerySet[Household]:
    """The families that the store's goods are for: those of its own place."""
    return Household.objects.filter(**{f"{store.unit.level}_id": store.unit_id})


def find_households(store: StockStore, q: str, most: int = 20) -> list[Household]:
    """By number, or by the head's name or pinyin. Nothing is listed until two characters were asked for."""
    q = q.strip()
    if len(q) < 2:
        return []
    named = Q(head_name__contains=q) | Q(search__like=search_pattern(q))
    if q.isdecimal():
        named = Q(household_no__startswith=q) | Q(household_no__endswith=q)
    return list(
        households_of(store).filter(named).select_related("village").order_by("village_id", "household_no")[:most]
    )


def handout_to(
    household: Household, *, receiver: str, case: Case | None = None, hands: Iterable[Any] = ()
) -> stock.Handout:
    """The household as the values that stand on the slip; `hands` are those who hand it out, and none is of the family.

    Raises BadCaseData when the case is another family's, Recused.
    """
    handing_out.refuse_the_close(household.pk, *hands)
    if case is not None and (case.household_id != household.pk or not case.is_open):
        raise BadCaseData(_("这件个案不是这一户的，或者已经办结。请重新选。"))
    return stock.Handout(
        household.household_no,
        household.head_name,
        household.village,
        receiver.strip() or household.head_name,
        case.subject if case else "",
    )


@transaction.atomic
def sign_slip(
    slip: StockSlip, upload: UploadedFile, *, how: str, signer: str, by: Any, relation: str = ""
) -> StockSignature:
    """Keep the photo of the signed slip with the family's papers, its fingerprint with the slip.

    It is no paper of the case's file: what was approved there stays approved. Raises BadUpload, WrongSlip.
    """
    cleaned = uploads.clean(upload)
    household = Household.objects.get(household_no=slip.household_no)
    document = families.add_document(
        household,
        cleaned.file,
        kind="receipt",
        by=by,
        title=slip.number,
        subject=slip.subject if slip.subject.startswith("case:") else "",
        content_type=cleaned.content_type,
        taken_on=cleaned.taken_on,
        place=cleaned.place,
    )
    return stock.sign(
        slip, how=how, signer=signer, relation=relation, sha256=document.sha256, document_id=document.pk, by=by
    )


@dataclass
class Given:
    """So many pieces of one item that a case was given on one slip, less what came back undelivered."""

    item: StockItem
    slip: StockSlip
    quantity: int = 0
    value_fen: int = 0
    out: int = 0  # lent, and not yet back

    @property
    def is_signed(self) -> bool:
        return hasattr(self.slip, "signature")


def given_to(case: Case) -> list[Given]:
    """What a case was given, by slip and item; what was taken back whole is left out. One query."""
    moves = (
        StockMove.objects.filter(subject=case.subject)
        .select_related("lot__item", "slip__signature", "answers__slip__signature")
        .order_by("id")
    )
    rows: dict[tuple[int, int], Given] = {}
    of_slip: dict[int, StockSlip] = {}
    for move in moves:
        first = move.answers.slip if move.answers else of_slip.get(move.slip.answers_id, move.slip)
        of_slip[move.slip_id] = first
        row = rows.setdefault((first.pk, move.lot.item_id), Given(move.lot.item, first))
        row.out += move.lent_change
        if move.kind in (M.GIVE, M.UNDELIVERED):
            row.quantity -= move.change
            row.value_fen -= move.change * move.lot.unit_value_fen
        elif move.kind == M.LEND:
            row.quantity -= move.change
    return [row for row in rows.values() if row.quantity]
