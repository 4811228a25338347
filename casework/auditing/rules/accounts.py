"""Rules about where the money went."""

from django.utils.translation import gettext_lazy as _

from casework.auditing.rules.rule import Param, Rule

SHARED_ACCOUNT = Rule(
    "shared_account",
    _("一个账户几家在用"),
    _("几家的钱进一个账户，又没有写明谁代谁领：钱可能没有到该领的人手里。"),
    _("问这几家钱是不是收到了；确是代领的，请村里写明关系。"),
    _("尾号 %(tail)s 的账户，另有 %(others)s 家也在用，没有写明谁代谁领。"),
    """
SELECT h.village_id, 'household:' || a.household_id, a.recorded_on, jsonb_build_object('tail', a.number_last4, 'others', a.homes - 1)
FROM (SELECT a.*, count(*) OVER same AS homes, count(*) FILTER (WHERE a.shared_because = '') OVER same AS silent
      FROM families_bankaccount a
      WHERE a.is_active AND a.number_index IN (
        SELECT y.number_index FROM families_bankaccount y JOIN families_household h ON h.id = y.household_id
        WHERE y.is_active AND h.village_id = ANY (%(villages)s))
      WINDOW same AS (PARTITION BY a.number_index)) a
  JOIN families_household h ON h.id = a.household_id
WHERE a.homes > 1 AND a.silent > 1 AND a.shared_because = '' AND h.village_id = ANY (%(villages)s)
""",
)

STAFF_ACCOUNT = Rule(
    "staff_account",
    _("钱进了工作人员家的账户"),
    _("收款账户是工作人员本人或家里的，批准的时候没有按近亲属申报。"),
    _("看这家是不是本来就该领；没有申报的，退回县级重新决定。"),
    _("%(sent_on)s付的 %(amount_fen)s 元，进了工作人员家的账户，没有申报。"),
    """
WITH theirs AS MATERIALIZED (
  SELECT a.number_index FROM access_staff s JOIN families_person w ON w.person_key = s.person_key
    JOIN families_householdmember m ON m.person_id = w.id AND m.valid_to IS NULL
    JOIN families_bankaccount a ON a.household_id = m.household_id WHERE s.is_active)
SELECT r.village_id, 'payment:' || p.id, p.sent_on, jsonb_build_object('sent_on', p.sent_on, 'amount_fen', p.amount_fen)
FROM funds_payment p JOIN funds_reservation r ON r.id = p.reservation_id
  LEFT JOIN casework_case c ON p.subject = 'case:' || c.id
WHERE r.village_id = ANY (%(villages)s) AND p.state IN ('sent', 'credited', 'unknown') AND p.account_index <> ''
  AND (p.account_index IN (SELECT number_index FROM theirs) OR p.payee_person_key IN (SELECT person_key FROM access_staff WHERE is_active))
  AND NOT coalesce(c.has_conflict, false)
  AND NOT EXISTS (SELECT FROM casework_rosterline l JOIN casework_rostersignature g ON g.line_id = l.id AND g.because <> ''
                  WHERE p.subject = 'roster:' || l.roster_id || ':' || l.n)
""",
)

RETURNED_UNRESOLVED = Rule(
    "returned_unresolved",
    _("银行退回的钱一直没有处理"),
    _("退回的钱没有重新付出去，也没有退回资金：该领的人没有领到，钱挂在账上。"),
    _("看村里核对账户的任务停在谁那里。"),
    _("%(answered_on)s退回 %(amount_fen)s 元，已经 %(days)s 天。"),
    """
SELECT r.village_id, 'payment:' || p.id, p.answered_on,
       jsonb_build_object('answered_on', p.answered_on, 'amount_fen', p.amount_fen, 'days', %(today)s::date - p.answered_on)
FROM funds_payment p JOIN funds_reservation r ON r.id = p.reservation_id
WHERE r.village_id = ANY (%(villages)s) AND p.state = 'returned' AND p.answered_on < %(today)s::date - %(days)s
  AND r.released_fen < r.amount_fen
  AND NOT EXISTS (SELECT FROM funds_payment o WHERE o.replaces_id = p.id)
""",
    (Param("days", _("超过"), 30, _("天")),),
)

ANSWER_UNKNOWN = Rule(
    "answer_unknown",
    _("银行没有答复的付款"),
    _("不知道钱到没有到：不能重付，也不能算付了。"),
    _("向银行要这一笔的回单，按回单记到账或退回。"),
    _("%(sent_on)s交给银行的 %(amount_fen)s 元，已经 %(days)s 天没有结果。"),
    """
SELECT r.village_id, 'payment:' || p.id, p.sent_on,
       jsonb_build_object('sent_on', p.sent_on, 'amount_fen', p.amount_fen, 'days', %(today)s::date - p.sent_on)
FROM funds_payment p JOIN funds_reservation r ON r.id = p.reservation_id
WHERE r.village_id = ANY (%(villages)s) AND p.state IN ('unknown', 'sent') AND p.sent_on < %(today)s::date - %(days)s
""",
    (Param("days", _("超过"), 30, _("天")),),
)
