"""Rules about what came too early, too late, or with a date of its own."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from casework.auditing.rules.rule import Param, Rule
from flows.programmes import PROGRAMMES


def _with_notice() -> dict[str, Any]:
    return {"with_notice": [code for code, spec in PROGRAMMES.items() if "village_notice" in spec.states]}


PAID_BEFORE_NOTICE = Rule(
    "paid_before_notice",
    _("公示没有满就付了钱"),
    _("村里的人还没有机会提意见，钱已经付了。"),
    _("看公示的起止日和付款日；先行救助以外都要先公示。"),
    _("公示到 %(ends_on)s，%(sent_on)s就付了 %(amount_fen)s 元。"),
    """
SELECT c.village_id, 'payment:' || p.id, p.sent_on,
       jsonb_build_object('ends_on', (SELECT max(n.ends_on) FROM casework_publicnotice n WHERE n.case_id = c.id AND n.kind = 'village'),
                          'sent_on', p.sent_on, 'amount_fen', p.amount_fen)
FROM casework_case c JOIN funds_payment p ON p.subject = 'case:' || c.id
WHERE c.village_id = ANY (%(villages)s) AND c.tier <> 'T0' AND c.programme = ANY (%(with_notice)s) AND p.sent_on IS NOT NULL
  AND NOT EXISTS (SELECT FROM casework_publicnotice n
                  WHERE n.case_id = c.id AND n.kind = 'village' AND n.outcome = 'clear' AND n.ends_on < p.sent_on)
""",
    more=_with_notice,
)

BACKDATED_SURVEY = Rule(
    "backdated_survey",
    _("调查日期倒填"),
    _("调查表上的日子比录入早很多：可能是事后补的，没有真的入户。"),
    _("看照片的拍摄时间、地点，问第二个调查人。"),
    _("写的是 %(surveyed_on)s调查，晚了 %(days)s 天才录入。"),
    """
SELECT h.village_id, 'survey:' || s.id, s.surveyed_on, jsonb_build_object('surveyed_on', s.surveyed_on, 'days', first.history_business_date - s.surveyed_on)
FROM families_household h JOIN families_survey s ON s.household_id = h.id
  JOIN LATERAL (SELECT v.history_business_date FROM families_historicalsurvey v WHERE v.id = s.id ORDER BY v.history_id LIMIT 1) first ON true
WHERE h.village_id = ANY (%(villages)s) AND first.history_business_date - s.surveyed_on > %(days)s
""",
    (Param("days", _("晚录超过"), 14, _("天")),),
)

OVERDUE_MAKEUP = Rule(
    "overdue_makeup",
    _("先行救助过期没有补手续"),
    _("钱先给了，手续一直没有补：可能补不出来。"),
    _("看缺什么材料，停在谁那里。"),
    _("应在 %(due_on)s以前补办，已经过了 %(days)s 天。"),
    """
SELECT c.village_id, 'case:' || c.id, c.makeup_due_on, jsonb_build_object('due_on', c.makeup_due_on, 'days', %(today)s::date - c.makeup_due_on)
FROM casework_case c
WHERE c.village_id = ANY (%(villages)s) AND c.is_open AND c.state = 'makeup' AND c.makeup_due_on + %(grace_days)s < %(today)s
""",
    (Param("grace_days", _("宽限"), 0, _("天")),),
)

LEAD_UNANSWERED = Rule(
    "lead_unanswered",
    _("求助没有人管"),
    _("有人反映了困难，没有人去看，也没有回音：应助未助。"),
    _("问村里去看过没有；没有去的当天去。"),
    _("%(reported_on)s反映的，%(days)s 天没有人去看。"),
    """
SELECT l.village_id, 'lead:' || l.id, l.reported_on, jsonb_build_object('reported_on', l.reported_on, 'days', %(today)s::date - l.reported_on)
FROM families_lead l
WHERE l.village_id = ANY (%(villages)s) AND l.reported_on + %(days)s < %(today)s
  AND NOT EXISTS (SELECT FROM casework_case c WHERE c.lead_id = l.id AND (c.survey_id IS NOT NULL OR c.tier = 'T0' OR NOT c.is_open))
  AND NOT EXISTS (SELECT FROM families_survey s WHERE s.household_id = l.household_id AND s.surveyed_on >= l.reported_on)
""",
    (Param("days", _("超过"), 15, _("天")),),
)

REVIEW_MISSING = Rule(
    "review_missing",
    _("该做的复核没有做"),
    _("领着帮扶的人家每年至少要复核两次；不去看，情况变了也不知道。"),
    _("看村里今年去过哪几家，没有去的排出日子。"),
    _("%(homes)s 家到期的复核没有做，最早的应在 %(due_on)s。"),
    """
SELECT c.village_id, 'unit:' || c.village_id, min(v.due_on), jsonb_build_object('homes', count(DISTINCT c.household_id), 'due_on', min(v.due_on))
FROM casework_followupvisit v JOIN casework_case c ON c.id = v.case_id
WHERE c.village_id = ANY (%(villages)s) AND c.is_open AND v.visited_on IS NULL AND v.due_on + %(grace_days)s < %(today)s
GROUP BY 1, 2
""",
    (Param("grace_days", _("宽限"), 30, _("天")),),
)

OBJECTION_UNANSWERED = Rule(
    "objection_unanswered",
    _("异议没有答复"),
    _("有人对公示提了意见，没有人书面答复。"),
    _("看谁该答复；答复以前不能批。"),
    _("%(raised_on)s提的，%(days)s 天没有答复。"),
    """
SELECT c.village_id, 'case:' || c.id, min(o.raised_on), jsonb_build_object('raised_on', min(o.raised_on), 'days', %(today)s::date - min(o.raised_on))
FROM casework_objection o JOIN casework_publicnotice n ON n.id = o.notice_id JOIN casework_case c ON c.id = n.case_id
WHERE c.village_id = ANY (%(villages)s) AND o.answered_on IS NULL AND o.raised_on + %(days)s < %(today)s
GROUP BY 1, 2
""",
    (Param("days", _("超过"), 10, _("天")),),
)
