"""The chapter of a case's file about the village: deliberations, notices, objections."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from casework.days import full_day
from casework.models import Case, PublicNotice
from casework.typeset import Table, Words


def village(case: Case) -> Iterator[Table | Words]:
    """Who sat together and how they voted, what was put up for how long, who objected and what the answer was."""
    sittings = list(case.deliberations.order_by("round"))
    if sittings:
        yield Table(
            [_("次"), _("日期、地点"), _("主持、记录"), _("应到/到"), _("同意/反对/弃权"), _("回避"), _("记录")],
            [
                (
                    one.round,
                    f"{full_day(one.held_on)} {one.place}",
                    f"{one.host}、{one.recorder}",
                    f"{one.due_count}/{one.present_count}",
                    f"{one.votes_for}/{one.votes_against}/{one.votes_abstain}",
                    _("；").join(one.recused),
                    one.minutes,
                )
                for one in sittings
            ],
            wide=(6,),
        )
    notices = list(case.notices.prefetch_related("objections__answered_by").order_by("pk"))
    if notices:
        yield Table(
            [_("公示"), _("从"), _("到"), _("结果"), _("公示内容的指纹")],
            [
                (
                    _notice_title(one),
                    full_day(one.starts_on),
                    full_day(one.ends_on),
                    one.get_outcome_display() or _("还在公示"),
                    one.digest,
                )
                for one in notices
            ],
            wide=(4,),
        )
    objections = [objection for notice in notices for objection in notice.objections.all()]
    if objections:
        yield Table(
            [_("异议"), _("哪天"), _("答复"), _("结果"), _("谁答复")],
            [
                (
                    one.words,
                    full_day(one.raised_on),
                    one.answer or _("还没有答复"),
                    "" if one.upheld is None else _("成立") if one.upheld else _("不成立"),
                    one.answered_by.name if one.answered_by else "",
                )
                for one in objections
            ],
            wide=(0, 2),
        )
    if not sittings and not notices:
        yield Words([_("还没有评议，也没有公示。")])


def _notice_title(notice: PublicNotice) -> str:
    if notice.kind == PublicNotice.Kind.EXIT:
        return _("结案公示")
    return _("第 %(n)d 次公示") % {"n": notice.round}
