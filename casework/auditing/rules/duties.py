"""Rules about who decided, and when."""

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from casework.auditing.rules.rule import Param, Rule

DECISIONS = ("approve", "confirm", "countersign", "emergency_release")


def _decisions() -> dict:
    return {"decisions": list(DECISIONS), "zone": settings.TIME_ZONE}


SURVEYED_AND_DECIDED = Rule(
    "surveyed_and_decided",
    _("调查和审批是同一个人"),
    _("自己调查、自己批准，没有第二个人看过。"),
    _("看这一件的经手人；换人重新审批。"),
    _("调查的人又在这一件上签了字（%(times)s 次）。"),
    """
SELECT c.village_id, 'case:' || c.id, min(e.business_date), jsonb_build_object('times', count(*))
FROM casework_case c JOIN casework_caseevent e ON e.case_id = c.id AND e.action = ANY (%(decisions)s) AND e.person_key <> ''
WHERE c.village_id = ANY (%(villages)s)
  AND (EXISTS (SELECT FROM families_survey s WHERE s.household_id = c.household_id AND e.person_key IN (s.surveyor_person_key, s.second_person_key)
               AND s.surveyed_on BETWEEN c.opened_on AND e.business_date)
       OR EXISTS (SELECT FROM casework_caseevent o WHERE o.case_id = c.id AND o.person_key = e.person_key AND o.action IN ('register', 'submit', 'check')))
GROUP BY 1, 2
""",
    more=_decisions,
)

# Recorded on the day itself: what was entered later has the clock of its entry, and says nothing about haste.
BURST = Rule(
    "burst",
    _("短时间里批了很多件"),
    _("几分钟里一件接一件地批，多半没有看过材料。"),
    _("抽几件看批的人打开过材料没有（访问记录）。"),
    _("%(minutes)s 分钟里批了 %(times)s 件，这是其中一件。"),
    """
SELECT village_id, 'case:' || case_id, max(business_date), jsonb_build_object('times', max(times), 'minutes', %(minutes)s)
FROM (SELECT c.village_id, e.case_id, e.business_date, count(*) OVER (
        PARTITION BY e.person_key ORDER BY e.recorded_at
        RANGE BETWEEN make_interval(mins => %(minutes)s) PRECEDING AND make_interval(mins => %(minutes)s) FOLLOWING) AS times
      FROM casework_caseevent e JOIN casework_case c ON c.id = e.case_id
      WHERE c.village_id = ANY (%(villages)s) AND e.action = ANY (%(decisions)s) AND e.person_key <> ''
        AND (e.recorded_at AT TIME ZONE %(zone)s)::date = e.business_date) x
WHERE times >= %(times)s GROUP BY 1, 2
""",
    (Param("times", _("至少"), 20, _("件")), Param("minutes", _("时间"), 10, _("分钟"))),
    more=_decisions,
)

AT_NIGHT = Rule(
    "at_night",
    _("夜里批的"),
    _("不在上班时间的审批，可能是别人用了账号。"),
    _("问本人是不是自己批的；看那时的登录。"),
    _("%(clock)s 批的。"),
    """
SELECT c.village_id, 'case:' || c.id, min(e.business_date),
       jsonb_build_object('clock', to_char(min(e.recorded_at AT TIME ZONE %(zone)s), 'YYYY-MM-DD HH24:MI'))
FROM casework_caseevent e JOIN casework_case c ON c.id = e.case_id
WHERE c.village_id = ANY (%(villages)s) AND e.action IN ('approve', 'confirm', 'countersign') AND e.person_key <> ''
  AND (e.recorded_at AT TIME ZONE %(zone)s)::date = e.business_date
  AND (extract(hour FROM e.recorded_at AT TIME ZONE %(zone)s) >= %(from_hour)s OR extract(hour FROM e.recorded_at AT TIME ZONE %(zone)s) < %(to_hour)s)
GROUP BY 1, 2
""",
    (Param("from_hour", _("从"), 23, _("点")), Param("to_hour", _("到"), 5, _("点"))),
    more=_decisions,
)
