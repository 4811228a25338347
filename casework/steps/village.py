"""The village's part: deliberation, the head's opinion, the public notice and objections to it."""

import datetime

from django.utils.translation import gettext as _

from casework.acting import Act, after, before
from casework.deliberations import verdict
from casework.digests import digest_of
from casework.errors import MissingDocuments, TooEarly
from casework.models import Deliberation, Objection, PublicNotice
from casework.steps.file import public_facts
from flows import calendar


@before("endorse")
def villagers_have_deliberated(this: Act) -> None:
    """A deliberation of this round, with a quorum and a majority of the votes cast."""
    case = this.case
    session = Deliberation.objects.filter(case=case, round=case.notice_round + 1).first()
    if session is None:
        raise MissingDocuments(_("还没有村民评议记录，请专干先记下评议。"), [_("民主评议记录")])
    found = verdict(session, case)
    if found == "no_quorum":
        raise MissingDocuments(
            _("评议到会 %(present)d 人，不够法定人数，要重新评议。") % {"present": session.present_count},
            [_("民主评议记录")],
        )
    if found == "rejected":
        raise MissingDocuments(_("评议没有通过，不能上报。可以退回补正。"), [])
    this.note["deliberation"] = session.pk


@after("endorse", "dismiss_objection")
def publish(this: Act) -> None:
    case = this.case
    case.notice_round += 1
    facts = public_facts(case)
    notice = PublicNotice.objects.create(
        case=case,
        kind=PublicNotice.Kind.VILLAGE,
        round=case.notice_round,
        village_id=case.village_id,
        starts_on=this.today,
        ends_on=calendar.add(this.today, case.rules.notice),
        facts=facts,
        digest=digest_of(facts),
    )
    case.published_digest = notice.digest
    this.due_on = notice.ends_on + datetime.timedelta(days=1)
    this.note["notice"] = notice.pk


def open_notice(this: Act, kind: str) -> PublicNotice:
    return PublicNotice.objects.select_for_update().get(case=this.case, kind=kind, ended_on__isnull=True)


@before("end_notice", "end_exit_notice")
def notice_has_run_its_time(this: Act) -> None:
    kind = PublicNotice.Kind.VILLAGE if this.action == "end_notice" else PublicNotice.Kind.EXIT
    notice = open_notice(this, kind)
    if this.today <= notice.ends_on:
        raise TooEarly(_("公示到 %(date)s 24 点，不能提前结束。") % {"date": notice.ends_on.isoformat()})
    notice.ended_on, notice.outcome = this.today, "clear"
    notice.save()
    this.note["notice"] = notice.pk


@before("object")
def write_down_the_objection(this: Act) -> None:
    """Data: raised_by and contact, both optional: nobody has to give a name."""
    notice = open_notice(this, PublicNotice.Kind.VILLAGE)
    Objection.objects.create(
        notice=notice,
        raised_on=this.today,
        words=this.reason,
        raised_by=this.data.get("raised_by", ""),
        contact=this.data.get("contact", ""),
    )
    notice.ended_on, notice.outcome = this.today, "objected"
    notice.save()


@before("dismiss_objection", "uphold_objection")
def answer_the_objection(this: Act) -> None:
    for objection in Objection.objects.filter(notice__case=this.case, answered_on__isnull=True):
        objection.answer, objection.upheld = this.reason, this.action == "uphold_objection"
        objection.answered_on, objection.answered_by = this.today, this.by
        objection.save()
