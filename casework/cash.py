"""Cash into a family's hands: the signed receipt goes into the case's file, and the act that says who gave it follows."""

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
from funds.models import Payment


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
) -> CaseEvent:
    """Record that two persons gave the money and have a signed receipt. The same `key` again changes nothing.

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
        },
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
