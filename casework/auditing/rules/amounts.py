"""Rules about how much."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from casework.auditing.rules.rule import Param, Rule
from flows.models import ProgrammeVersion

LIMITS = ("t1_limit_fen", "t2_limit_fen", "emergency_cap_fen")


def _limits() -> dict[str, Any]:
    """The lines of all published rules, as two columns: version, limit."""
    found = {
        (version.pk, int(version.parameters[name]))
        for version in ProgrammeVersion.objects.filter(published_on__isnull=False).only("pk", "parameters")
        for name in LIMITS
        if version.parameters.get(name)
    }
    return {"versions": [pk for pk, _fen in sorted(found)], "limits": [fen for _pk, fen in sorted(found)]}


JUST_UNDER = Rule(
    "just_under",
    _("几件都紧贴一道线"),
    _("一个村里几件的数都刚好不超过一道审批线：可能是拆开报，或者照着线报。"),
    _("看这几家的损失或费用是怎么算的，是不是一件事拆成几件。"),
    _("%(amount_fen)s 元，紧贴 %(limit_fen)s 元；这个村 %(days)s 天里有 %(times)s 件这样的。"),
    """
SELECT village_id, 'case:' || id, opened_on,
       jsonb_build_object('amount_fen', amount_fen, 'limit_fen', fen, 'times', times, 'days', %(days)s)
FROM (SELECT c.id, c.village_id, c.opened_on, c.amount_fen, x.fen, count(*) OVER (
        PARTITION BY c.village_id, x.fen ORDER BY c.opened_on
        RANGE BETWEEN make_interval(days => %(days)s) PRECEDING AND make_interval(days => %(days)s) FOLLOWING) AS times,
        row_number() OVER (PARTITION BY c.id ORDER BY x.fen) AS nearest
      FROM casework_case c JOIN unnest(%(versions)s::bigint[], %(limits)s::bigint[]) x (version_id, fen) ON x.version_id = c.version_id
      WHERE c.village_id = ANY (%(villages)s) AND c.amount_fen BETWEEN x.fen * %(percent)s / 100 AND x.fen
        AND EXISTS (SELECT FROM funds_reservation r WHERE r.subject = 'case:' || c.id)) y
WHERE times >= %(times)s AND nearest = 1
""",
    (
        Param("times", _("至少"), 4, _("件")),
        Param("percent", _("到线的"), 95, "%"),
        Param("days", _("时间"), 90, _("天")),
    ),
    more=_limits,
)

SERVICE_HOURS = Rule(
    "service_hours",
    _("服务时间多得不可能"),
    _("一天里给一家记的服务时间太长：可能多记。"),
    _("问这家那天来了几个人、待了多久。"),
    _("%(served_on)s记了 %(hours)s 小时。"),
    """
SELECT c.village_id, 'case:' || c.id, max(s.served_on), jsonb_build_object('served_on', max(s.served_on), 'hours', max(s.hours))
FROM (SELECT case_id, served_on, round(sum(minutes) / 60.0, 1) AS hours FROM casework_serviceentry
      WHERE withdrawn_on IS NULL GROUP BY 1, 2 HAVING sum(minutes) > %(hours)s * 60) s
  JOIN casework_case c ON c.id = s.case_id
WHERE c.village_id = ANY (%(villages)s) GROUP BY 1, 2
""",
    (Param("hours", _("一天超过"), 12, _("小时")),),
)
