"""Cash of a case into a family's hands: the signed receipt goes into the case's file, and the act that says who gave it
follows; the second of them confirms it, or says that it was not so."""

import datetime
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from audit import clock
from audit.context import acting
from casework import uploads
from casework.acting import act
from casework.models import Case, CaseDocument, CaseEvent
from families import services as families
from funds.models import Countersign, Payment


@transaction.atomic
def hand_over(
    payment: Payment,
    *,
    by: Any,
    key: str,
    receipt: UploadedFile,
    second_payer: int,
    handed_on: datetime.date,
    place: str,
    signed_how: str,
    received_by: str,
    shares_receipt: bool = False,
) -> CaseEvent:
    """Record that two persons gave the money and have a signed receipt; the second is asked. The same `key` again changes
    nothing.

    Raises BadUpload for what is no picture, and whatever act() refuses with; then the receipt is not kept either.
    """
    case = Case.objects.select_for_update().get(pk=int(payment.subject.removeprefix("case:")))
    data: dict[str, Any] = {}
    if not CaseEvent.objects.filter(key=key).exists():
        data["document_id"] = _keep(case, receipt, by).pk
    return act(
        case.pk,
        "cash_handed",
        by=by,
        key=key,
        data=data
        | {
            "payment_id": payment.pk,
            "second_payer": second_payer,
            "answered_on": handed_on.isoformat(),
            "place": place,
            "signed_how": signed_how,
            "received_by": received_by,
            "shares_receipt": shares_receipt,
        },
    )


def answer(asked: Countersign, *, by: Any, key: str, confirms: bool, words: str = "") -> CaseEvent:
    """What the second person says of the cash of a case, or the fund desk in her stead (`words` then). The same `key` again
    changes nothing. Raises whatever act() refuses with."""
    payment = asked.handover.payment
    return act(
        int(payment.subject.removeprefix("case:")),
        "confirm_cash" if confirms else "object_to_cash",
        by=by,
        key=key,
        reason=words,
        data={"payment_id": payment.pk},
    )


def _keep(case: Case, receipt: UploadedFile, by: Any) -> Any:
    cleaned = uploads.clean(receipt)
    document = families.add_document(
        case.household,
        cleaned.file,
        kind="cash_receipt",
        by=by,
        subject=case.subject,
        content_type=cleaned.content_type,
        taken_on=cleaned.taken_on,
        place=cleaned.place,
    )
    with acting(by, reason="paper"):
        CaseDocument.objects.create(case=case, document=document, kind="cash_receipt", added_on=clock.today())
    return document
