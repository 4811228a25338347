"""Papers and photos of a case: taken in, looked at. Whoever opens a file is written down, once a day.

The small picture inside a page is no opening; papers that carry whole numbers have none.
"""

import hashlib
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _

from access import reach
from access.roles import Ability
from access.scope import scope
from audit import clock
from audit.context import acting
from audit.models import AccessLog
from audit.services import record_access
from casework import uploads
from casework.digests import PROGRESS_PAPERS
from casework.errors import BadCaseData
from casework.models import Case, CaseDocument
from casework.preparing import preparing, surveyor_of
from casework.visibility import sight
from families import services as families
from families.models import Document, Household

# What such a paper shows is masked elsewhere: an icon stands in its place until it is opened.
WITH_NUMBERS = frozenset({"id_card", "hukou_book", "account_copy", "death_paper"})
# A signature covers the papers: after it none may be added, or it would fall (casework.digests). Once a first part was
# paid it is not asked again, and what shows how the help goes on may come.
_UNSIGNED = frozenset(
    {
        "lead",
        "triaged",
        "draft",
        "registered",
        "village_review",
        "village_notice",
        "objection",
        "returned",
        "township_review",
        "makeup",
        "payment_returned",
        "between_payments",
        "suspended",
        "paid",
        "follow_up",
        "exit_review",
        "appeal",
    }
)


def open_for_papers(case: Case) -> bool:
    return case.is_open and case.state in _UNSIGNED


def add_paper(case_id: int, upload: UploadedFile, *, kind: str, by: Any, title: str = "") -> CaseDocument:
    """Clean an upload and put it into the case's file. The same file twice stays one paper.

    Raises BadUpload, and what `preparing` raises: WrongState once a signature covers the papers.
    """
    cleaned = uploads.clean(upload)
    with preparing(case_id, by, reason="paper", states=_UNSIGNED) as case:
        document = _keep(case.household, cleaned, kind=kind, by=by, title=title, subject=case.subject)
        paper, _created = CaseDocument.objects.get_or_create(
            case=case, document=document, defaults={"kind": kind, "added_on": clock.today()}
        )
        return paper


@transaction.atomic
def add_proof(case: Case, upload: UploadedFile, *, kind: str, by: Any) -> CaseDocument:
    """Put a picture of how the help goes on beside the act that `by` has just taken on this case (a check, say).

    The act has authorised her; no other duty is taken. Only kinds that no signature covers. Raises BadUpload, BadCaseData.
    """
    if kind not in PROGRESS_PAPERS or not case.events.filter(n=case.acts, by=by).exists():
        raise BadCaseData(_("这里只能放核查时拍的材料。"))
    with acting(by, reason="paper"):
        document = _keep(case.household, uploads.clean(upload), kind=kind, by=by, title="", subject=case.subject)
        paper, _created = CaseDocument.objects.get_or_create(
            case=case, document=document, defaults={"kind": kind, "added_on": clock.today()}
        )
        return paper


@transaction.atomic
def add_receipt(case: Case, upload: UploadedFile, *, by: Any) -> CaseDocument:
    """The picture of a signed receipt, kept by whoever hands out the cash; no signature covers it. Raises BadUpload.

    Called in the transaction of the act that needs it, so that a refused act leaves no paper.
    """
    cleaned = uploads.clean(upload)
    with acting(by, reason="cash_receipt"):
        document = _keep(case.household, cleaned, kind="cash_receipt", by=by, title="", subject=case.subject)
        paper, _created = CaseDocument.objects.get_or_create(
            case=case, document=document, defaults={"kind": "cash_receipt", "added_on": clock.today()}
        )
        return paper


@transaction.atomic
def add_family_photo(household: Household, upload: UploadedFile, *, kind: str, by: Any) -> Document:
    """A photo of a visit, before any case. Raises BadUpload, NotYourTurn, Recused."""
    cleaned = uploads.clean(upload, pdf=False)
    surveyor_of(household, by)
    return _keep(household, cleaned, kind=kind, by=by, title="", subject="")


def add_family_paper(household: Household, upload: UploadedFile, *, kind: str, by: Any) -> Document:
    """A paper of the family beside any case, kept in the transaction of what it proves, which has authorised `by`.

    Raises BadUpload.
    """
    return _keep(household, uploads.clean(upload), kind=kind, by=by, title="", subject="")


def _keep(household: Household, cleaned: uploads.Clean, *, kind: str, by: Any, title: str, subject: str) -> Document:
    sha256 = hashlib.sha256(cleaned.file.read()).hexdigest()
    cleaned.file.seek(0)
    known = Document.objects.filter(household=household, sha256=sha256, kind=kind, subject=subject).first()
    return known or families.add_document(
        household,
        cleaned.file,
        kind=kind,
        by=by,
        title=title,
        subject=subject,
        content_type=cleaned.content_type,
        taken_on=cleaned.taken_on,
        place=cleaned.place,
    )


@reach.beyond()
def used_elsewhere(document: Document) -> list[Household]:
    """Other households with the very same file: one photo cannot prove two damages."""
    return list(
        Household.objects.filter(documents__sha256=document.sha256).exclude(pk=document.household_id).distinct()[:5]
    )


def readable_document(user: Any, document_id: int) -> Document | None:
    """The document, when one of her posts reaches its household or one of its cases, and her role sees its kind."""
    document = Document.objects.select_related("household").filter(pk=document_id).first()
    if document is None:
        return None
    household = document.household
    if not scope(user, Ability.HOUSEHOLD_VIEW).covers(household):
        cases = scope(user, Ability.CASE_VIEW).filter(Case.objects.filter(papers__document=document))
        if not cases.exists():
            return None
    return document if sight(user, household).shows_paper(document.kind) else None


def has_picture(document: Document) -> bool:
    """Whether pages may draw it small."""
    return document.content_type.startswith("image/") and document.kind not in WITH_NUMBERS


def picture(document: Document) -> bytes | None:
    """A small JPEG of it for a page that its reader may see; nothing is written down. None when it has none."""
    if not has_picture(document):
        return None
    with document.file.open("rb") as file:
        return uploads.small(file)


@transaction.atomic
def open_file(user: Any, document: Document) -> Any:
    """The file, after it is in the access log that she opened it today."""
    opened = {"kind": "file", "subject": f"document:{document.pk}"}
    if not AccessLog.objects.filter(**opened, actor_id=user.pk, business_date=clock.today()).exists():
        with acting(user):
            record_access(**opened, fields=document.kind, reason=_("打开材料"))
    return document.file.open("rb")
