"""The rule pack (domain §3.1, typical audit findings): each rule is one statement over the villages of a unit."""

from casework.auditing.rules import accounts, amounts, dates, duties, papers, persons
from casework.auditing.rules.rule import Param, Rule

RULES: dict[str, Rule] = {
    rule.code: rule
    for rule in (
        dates.PAID_BEFORE_NOTICE,
        persons.DEAD_PAYEE,
        persons.SAME_CAUSE_TWICE,
        persons.TWO_FILES,
        persons.UNDECLARED_RELATIVE,
        persons.RELATIVE_NOT_DECLARED,
        persons.RELATIVE_NOT_VISITED,
        accounts.SHARED_ACCOUNT,
        accounts.STAFF_ACCOUNT,
        accounts.RETURNED_UNRESOLVED,
        accounts.ANSWER_UNKNOWN,
        duties.SURVEYED_AND_DECIDED,
        duties.BURST,
        duties.AT_NIGHT,
        dates.BACKDATED_SURVEY,
        dates.OVERDUE_MAKEUP,
        dates.LEAD_UNANSWERED,
        dates.REVIEW_MISSING,
        dates.OBJECTION_UNANSWERED,
        amounts.JUST_UNDER,
        amounts.SERVICE_HOURS,
        papers.PHOTO_TWICE,
        papers.PHOTO_ALIKE,
    )
}

__all__ = ["RULES", "Param", "Rule"]
