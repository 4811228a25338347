"""Stretches of the way that several programmes share (domain §4.2). A programme strings them together."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from flows.spec import NEVER, ROLE_ANYONE, ROLE_SYSTEM, Choice, Edge, by_outcome, by_return, by_tier

CLERK = "village_clerk"
SURVEYORS = ("village_clerk", "resident_cadre")
HANDS_OUT_CASH = (
    *("village_clerk", "village_head", "resident_cadre", "township_clerk", "township_approver"),
    *("cashier", "fund_manager"),
)

INTAKE = (
    Edge("lead", "triage", "triaged", (CLERK, "township_clerk"), is_main=True),
    Edge("lead", "dismiss", "cancelled", (CLERK, "township_clerk")),
    Edge("triaged", "start_survey", "draft", SURVEYORS, "prepare", is_main=True),
    Edge("triaged", "dismiss", "cancelled", (CLERK, "township_clerk")),
    Edge("draft", "register", "registered", SURVEYORS, "prepare", is_main=True),
    Edge("draft", "withdraw", "withdrawn", CLERK, "prepare"),
    Edge("registered", "withdraw", "withdrawn", CLERK, "prepare"),
)

VILLAGE = (
    Edge("registered", "submit", "village_review", CLERK, "prepare", is_main=True),
    Edge("village_review", "endorse", "village_notice", "village_head", "village_opinion", is_main=True),
    Edge("village_review", "village_return", "returned", "village_head", "village_opinion"),
    Edge("village_notice", "end_notice", "township_review", ROLE_SYSTEM, is_main=True),
    Edge("village_notice", "object", "objection", ROLE_ANYONE),
    Edge("objection", "dismiss_objection", "village_notice", "township_clerk", "township_check", is_main=True),
    Edge("objection", "uphold_objection", "returned", "township_clerk", "township_check"),
    Edge(
        "returned",
        "resubmit",
        by_return(village_review="village_review", township_review="township_review"),
        CLERK,
        "prepare",
        is_main=True,
    ),
)

# A person who has money already (T0) cannot take the application back: the papers must be made up.
_WITHDRAWN = by_tier(T0=NEVER, T1="withdrawn", T2="withdrawn", T3="withdrawn")

TOWNSHIP = (
    Edge("township_review", "check", "township_decision", "township_clerk", "township_check", is_main=True),
    Edge("township_review", "return", "returned", "township_clerk", "township_check"),
    Edge("township_decision", "return", "returned", "township_approver", "approve"),
    Edge(
        "township_decision",
        "refuse",
        by_tier(T0="recovery", T1="refused", T2="refused", T3="refused"),
        "township_approver",
        "approve",
    ),
)

COUNTY = (
    Edge("county_review", "review", "county_decision", "county_reviewer", "county_review", is_main=True),
    Edge("county_review", "return", "returned", "county_reviewer", "county_review"),
    Edge(
        "county_decision",
        "confirm",
        by_tier(T1="fund_reserved", T2="fund_reserved", T3="county_countersign"),
        "county_approver",
        "confirm",
        is_main=True,
    ),
    Edge("county_decision", "return", "returned", "county_approver", "confirm"),
    Edge("county_decision", "refuse", "refused", "county_approver", "confirm"),
    Edge("county_countersign", "countersign", "fund_reserved", "county_approver", "countersign", is_main=True),
    Edge("county_countersign", "refuse", "refused", "county_approver", "countersign"),
)

APPEAL = (
    Edge("refused", "appeal", "appeal", CLERK, "prepare"),
    Edge("appeal", "overturn_refusal", "county_review", "county_reviewer", "county_review", is_main=True),
    Edge("appeal", "uphold_refusal", "refused", "county_reviewer", "county_review"),
)

WITHDRAWAL = tuple(
    Edge(state, "withdraw", _WITHDRAWN, CLERK, "prepare")
    for state in (
        "village_review",
        "village_notice",
        "objection",
        "returned",
        "township_review",
        "township_decision",
        "county_review",
        "county_decision",
        "county_countersign",
        "fund_reserved",
    )
)

# Where a payment that is made leads: to the papers of an emergency, to the next part, or on.
_PAID = by_outcome(paid="paid", between_payments="between_payments", makeup="makeup")

PAYMENT = (
    Edge("fund_reserved", "list_payment", "in_payment", "fund_manager", "list_payment", is_main=True),
    Edge("fund_reserved", "check_instalment", "fund_reserved", "township_clerk", "township_check"),
    Edge("fund_reserved", "send_back", "township_review", "fund_manager", "list_payment"),
    Edge("in_payment", "check_payment", "in_payment", "fund_checker", "check_payment"),
    Edge("in_payment", "release_payment", "in_payment", "cashier", "release_payment"),
    # A part that came back waits for its account again, also when it is taken off the list of its second attempt.
    Edge(
        "in_payment",
        "unlist_payment",
        by_outcome(
            emergency_released="emergency_released",
            fund_reserved="fund_reserved",
            between_payments="between_payments",
            payment_returned="payment_returned",
        ),
        ("fund_manager", "fund_checker"),
    ),
    Edge("in_payment", "payment_credited", _PAID, ("cashier", "fund_manager"), is_main=True),
    # Cash has arrived once the second of the two who gave it says so herself; the fund desk withdraws what she cannot answer.
    Edge("in_payment", "cash_handed", "in_payment", ("cashier", "fund_manager")),
    Edge("in_payment", "confirm_cash", _PAID, HANDS_OUT_CASH),
    Edge("in_payment", "object_to_cash", "in_payment", (*HANDS_OUT_CASH, "fund_checker")),
    Edge("in_payment", "payment_bounced", "payment_returned", ("cashier", "fund_manager")),
    # Until the bank can say, the payment is neither made nor to be made again.
    Edge("in_payment", "payment_unknown", "in_payment", ("cashier", "fund_manager")),
    Edge("payment_returned", "correct_account", "payment_returned", CLERK, "prepare", is_main=True),
    Edge("payment_returned", "reissue", "in_payment", "fund_manager", "list_payment"),
    # Somebody else must be paid, or nobody: that is decided again, and the money is free meanwhile. What was paid in
    # part already is not decided again; the rest is stopped.
    Edge(
        "payment_returned",
        "send_back",
        by_return(emergency_released="draft", fund_reserved="township_review", between_payments=NEVER),
        "fund_manager",
        "list_payment",
    ),
    Edge(
        "payment_returned",
        "stop_payments",
        by_return(emergency_released=NEVER, fund_reserved=NEVER, between_payments="paid"),
        "township_clerk",
        "township_check",
    ),
)

# Help in parts: the next one when it is due and was checked; nothing more after a death, a move or a decision.
PARTS = (
    Edge("between_payments", "list_payment", "in_payment", "fund_manager", "list_payment", is_main=True),
    Edge("between_payments", "check_instalment", "between_payments", "township_clerk", "township_check"),
    Edge("between_payments", "visit", "between_payments", SURVEYORS, "prepare"),
    Edge("between_payments", "suspend", "suspended", "township_clerk", "township_check"),
    Edge("between_payments", "stop_payments", "paid", "township_clerk", "township_check"),
    Edge("between_payments", "end_payments", "paid", ROLE_SYSTEM),
    Edge("suspended", "resume", "between_payments", "township_approver", "approve", is_main=True),
    Edge("suspended", "visit", "suspended", SURVEYORS, "prepare"),
    Edge("suspended", "stop_payments", "paid", "township_clerk", "township_check"),
    Edge("suspended", "end_payments", "paid", ROLE_SYSTEM),
)

# The bank may return what it had reported as credited; and money that should not have gone out is asked back.
AFTERWARDS = (
    *(
        Edge(state, "payment_clawed_back", "payment_returned", ("cashier", "fund_manager"))
        for state in ("between_payments", "suspended", "paid", "follow_up", "exit_review")
    ),
    # An earlier part, while a later one is being paid or came back itself: it is open again, and paid in its turn.
    *(
        Edge(
            state,
            "payment_clawed_back",
            by_return(emergency_released=NEVER, fund_reserved=NEVER, between_payments=state),
            ("cashier", "fund_manager"),
        )
        for state in ("in_payment", "payment_returned")
    ),
    Edge("paid", "reclaim", "recovery", "township_approver", "approve"),
    Edge("follow_up", "reclaim", "recovery", "township_approver", "approve"),
    Edge("recovery", "record_recovery", "recovery", "fund_manager", "list_payment"),
    Edge("recovery", "finish_recovery", "closed", "fund_manager", "list_payment", is_main=True),
)

FOLLOW_UP = (
    Edge("paid", "begin_follow_up", "follow_up", ROLE_SYSTEM),
    Edge("paid", "visit", "follow_up", SURVEYORS, "prepare", is_main=True),
    Edge("follow_up", "visit", "follow_up", SURVEYORS, "prepare", is_main=True),
    Edge("follow_up", "propose_exit", "exit_review", CLERK, "prepare"),
    Edge("exit_review", "keep_open", "follow_up", "township_approver", "approve"),
)

CLOSE_AT_ONCE = (Edge("exit_review", "approve_exit", "closed", "township_approver", "approve", is_main=True),)

CLOSE_WITH_NOTICE = (
    Edge("exit_review", "approve_exit", "exit_notice", "township_approver", "approve", is_main=True),
    Edge("exit_notice", "end_exit_notice", "closed", ROLE_SYSTEM, is_main=True),
)

EMERGENCY = (
    Edge("draft", "emergency_release", "emergency_released", "township_approver", "emergency_release"),
    Edge("emergency_released", "list_payment", "in_payment", "fund_manager", "list_payment", is_main=True),
    # Out of the township's float, by two persons, when the bank would be too slow; neither does anything else in the case.
    Edge("emergency_released", "pay_from_imprest", "makeup", "township_clerk", "pay_imprest"),
    Edge("emergency_released", "send_back", "draft", "fund_manager", "list_payment"),
    Edge("makeup", "submit_makeup", "village_review", CLERK, "prepare", is_main=True),
    # When the papers never come, or the villagers say no, a second approver has the money taken back.
    Edge("makeup", "refuse", "recovery", "township_approver", "approve"),
    Edge(
        "returned",
        "refuse",
        by_tier(T0="recovery", T1=NEVER, T2=NEVER, T3=NEVER),
        "township_approver",
        "approve",
    ),
)

APPROVE = (
    Edge(
        "township_decision",
        "approve",
        by_tier(T0="paid", T1="fund_reserved", T2="county_review", T3="county_review"),
        "township_approver",
        "approve",
        is_main=True,
    ),
)


_OF_EMERGENCIES = frozenset({"T0", "emergency_released", "makeup"})


def without_emergency(edges: tuple[Edge, ...]) -> tuple[Edge, ...]:
    """The same ways for a programme in which nothing is paid first: no T0 anywhere."""
    return tuple(
        replace(edge, target=replace(edge.target, targets=_without(edge.target.targets)))
        if isinstance(edge.target, Choice)
        else edge
        for edge in edges
    )


def _without(targets: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({fact: to for fact, to in targets.items() if fact not in _OF_EMERGENCIES})


WITH_MONEY = INTAKE + VILLAGE + TOWNSHIP + COUNTY + APPEAL + WITHDRAWAL + PAYMENT + PARTS + FOLLOW_UP + AFTERWARDS
