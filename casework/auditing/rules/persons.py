"""Rules about who was helped: people who are dead, who stand there twice, who are of the family of those who decide."""

from django.utils.translation import gettext_lazy as _

from casework.auditing.rules.rule import Param, Rule

DEAD_PAYEE = Rule(
    "dead_payee",
    _("付给已经去世的人"),
    _("人去世以后还在付钱，多半是没有及时停发，也可能有人冒领。"),
    _("看死亡登记是哪天、由谁登记；钱在谁手里，要不要追回。"),
    _("%(died_on)s去世，%(sent_on)s还付了 %(amount_fen)s 元。"),
    """
SELECT r.village_id, 'payment:' || p.id, p.sent_on,
       jsonb_build_object('died_on', x.died_on, 'sent_on', p.sent_on, 'amount_fen', p.amount_fen)
FROM funds_payment p JOIN funds_reservation r ON r.id = p.reservation_id JOIN families_person x ON x.person_key = p.payee_person_key
WHERE r.village_id = ANY (%(villages)s) AND p.state IN ('sent', 'credited', 'unknown') AND x.died_on + %(grace_days)s < p.sent_on
""",
    (Param("grace_days", _("宽限"), 0, _("天")),),
)

SAME_CAUSE_TWICE = Rule(
    "same_cause_twice",
    _("同一个人、同一原因一年领两次"),
    _("同一个原因一年一般只帮一次；两个村、两个项目各领一次，可能是重复发放。"),
    _("对两件的调查和票据，看是不是同一件事；县里另有规定的写明依据。"),
    _("%(year)s 年这个人因同一原因批了 %(times)s 次，这一件 %(amount_fen)s 元。"),
    """
SELECT c.village_id, 'case:' || c.id, c.opened_on,
       jsonb_build_object('year', to_char(c.opened_on, 'YYYY'), 'times', c.times, 'amount_fen', c.amount_fen)
FROM (SELECT c.*, count(*) OVER same AS times, row_number() OVER (same ORDER BY c.opened_on, c.id) AS nth
      FROM casework_case c JOIN families_person x ON x.id = c.beneficiary_id
      WHERE c.cause <> '' AND c.amount_fen > 0 AND c.opened_on >= date_trunc('year', %(today)s::date) - interval '1 year'
        AND c.beneficiary_id IN (SELECT y.beneficiary_id FROM casework_case y WHERE y.village_id = ANY (%(villages)s))
        AND EXISTS (SELECT FROM funds_reservation r WHERE r.subject = 'case:' || c.id AND r.released_fen < r.amount_fen)
      WINDOW same AS (PARTITION BY c.beneficiary_id, c.cause, extract(year FROM c.opened_on))) c
WHERE c.times > 1 AND c.nth > 1 AND c.village_id = ANY (%(villages)s)
""",
)

TWO_FILES = Rule(
    "two_files",
    _("一个人有两份档案"),
    _("同名、同生日，其中一份没有身份证号：同一个人可能在两户里各领一份。"),
    _("请两个村核对户口簿，是同一个人的合并，不是的写明。"),
    _("同名、同一天出生的还有 %(others)s 个人，在别的户里。"),
    """
SELECT h.village_id, 'person:' || x.id, NULL::date, jsonb_build_object('others', count(DISTINCT y.id))
FROM families_person x JOIN families_householdmember m ON m.person_id = x.id AND m.valid_to IS NULL
  JOIN families_household h ON h.id = m.household_id
  JOIN families_person y ON y.name = x.name AND y.birth_date = x.birth_date AND y.sex = x.sex AND y.id <> x.id
  JOIN families_householdmember o ON o.person_id = y.id AND o.valid_to IS NULL AND o.household_id <> m.household_id
WHERE h.village_id = ANY (%(villages)s) AND x.person_key IS NULL AND x.died_on IS NULL AND y.died_on IS NULL
GROUP BY 1, 2
""",
)

# Who once lived under one roof with somebody of the family, or with whom somebody of the family did.
UNDECLARED_RELATIVE = Rule(
    "undeclared_relative",
    _("经手人和这家是亲戚，没有申报"),
    _("经手的人以前和这家的人在一个户口上，没有登记回避，也没有写明是干部亲属：可能是关系保、人情保。"),
    _("请本人说明关系；属于近亲属的，登记回避，换人重新调查、重新评议。"),
    _("%(duties)s 个经手人和这家的人曾在一个户口上，没有登记回避。"),
    """
SELECT c.village_id, 'case:' || c.id, min(acted.since), jsonb_build_object('duties', count(DISTINCT acted.person_key))
FROM casework_case c
  JOIN LATERAL (
    SELECT d.person_key, d.since FROM casework_caseduty d WHERE d.case_id = c.id
    UNION SELECT k.person_key, s.surveyed_on FROM families_survey s, unnest(ARRAY[s.surveyor_person_key, s.second_person_key]) k (person_key)
          WHERE s.id = c.survey_id) acted ON true
  JOIN families_person w ON w.person_key = acted.person_key
  JOIN families_householdmember a ON a.person_id = w.id
  JOIN families_householdmember b ON b.household_id = a.household_id
  JOIN families_householdmember f ON f.person_id = b.person_id AND f.household_id = c.household_id
  LEFT JOIN families_survey s ON s.id = c.survey_id
WHERE c.village_id = ANY (%(villages)s) AND NOT c.has_conflict AND NOT coalesce(s.is_cadre_relative, false)
  AND NOT EXISTS (SELECT FROM access_recusal q WHERE q.person_key = acted.person_key AND q.household_no = c.household_no)
  AND NOT EXISTS (SELECT FROM casework_relativeflag q WHERE q.case_id = c.id AND q.person_key = acted.person_key)
GROUP BY 1, 2
""",
)

# The register knew, the family said so, or they live in one household: she herself had not declared it.
RELATIVE_NOT_DECLARED = Rule(
    "relative_not_declared",
    _("查出来的近亲属，本人没有报"),
    _("申请的家里有工作人员或村干部的近亲属，是申请人说的，或者同住一户查到的，本人没有申报。"),
    _("请本人补报或说明；经手过的，看上一级写的结论。"),
    _("%(people)s 个人没有报，其中经手过的 %(acted)s 个。"),
    """
SELECT c.village_id, 'case:' || c.id, min(f.found_on),
       jsonb_build_object('people', count(*), 'acted', count(*) FILTER (WHERE f.acts_before > 0))
FROM casework_relativeflag f JOIN casework_case c ON c.id = f.case_id
WHERE c.village_id = ANY (%(villages)s) AND NOT f.is_declared AND f.ended_on IS NULL
  AND NOT EXISTS (SELECT FROM families_conflictdeclaration d JOIN families_person p ON p.person_key = d.relative_key
                    JOIN families_householdmember m ON m.person_id = p.id AND m.household_id = c.household_id
                  WHERE d.declarer_person_key = f.person_key)
GROUP BY 1, 2
""",
)

# Money of a flagged case was decided without the county at the door: only against the law, or before it stood.
RELATIVE_NOT_VISITED = Rule(
    "relative_not_visited",
    _("近亲属的个案没有入户就批了钱"),
    _("工作人员近亲属的个案，县里要全部入户核查，这一件没有核查记录。"),
    _("补一次入户核查；查清楚是谁、为什么没有去。"),
    _("%(found_on)s登记的近亲属，锁定了 %(amount_fen)s 元，没有入户核查记录。"),
    """
SELECT c.village_id, 'case:' || c.id, min(f.found_on), jsonb_build_object('found_on', min(f.found_on), 'amount_fen', c.amount_fen)
FROM casework_relativeflag f JOIN casework_case c ON c.id = f.case_id JOIN flows_programmeversion v ON v.id = c.version_id
WHERE c.village_id = ANY (%(villages)s) AND f.ended_on IS NULL AND NOT f.is_late
  AND coalesce((v.parameters ->> 'relatives_visited')::bool, true)
  AND c.state IN ('fund_reserved', 'in_payment', 'payment_returned', 'between_payments', 'suspended', 'paid')
  AND c.tier <> 'T0' AND NOT EXISTS (SELECT FROM casework_homecheck k WHERE k.case_id = c.id)
GROUP BY c.village_id, c.id, c.amount_fen
""",
)
