"""Leaving: proposed by the village, agreed to by the township, published where the programme says so."""

import datetime

from django.utils.translation import gettext as _

from casework.acting import Act, after, before
from casework.digests import digest_of
from casework.errors import MissingDocuments
from casework.models import PublicNotice
from casework.steps.file import public_facts
from flows import calendar


@before("propose_exit")
def somebody_has_visited(this: Act) -> None:
    if not this.case.visits.filter(visited_on__isnull=False).exists():
        raise MissingDocuments(_("还没有回访过，先去看看这家再提结案。"), [_("回访记录")])


@after("approve_exit")
def publish_the_exit(this: Act) -> None:
    case = this.case
    if case.state != "exit_notice":
        return
    facts = public_facts(case)
    notice = PublicNotice.objects.create(
        case=case,
        kind=PublicNotice.Kind.EXIT,
        round=case.notices.filter(kind=PublicNotice.Kind.EXIT).count() + 1,
        village_id=case.village_id,
        starts_on=this.today,
        ends_on=calendar.add(this.today, case.rules.exit_notice),
        facts=facts,
        digest=digest_of(facts),
    )
    this.due_on = notice.ends_on + datetime.timedelta(days=1)
    this.note["notice"] = notice.pk
