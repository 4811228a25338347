"""What the forms ask for beyond what a page fills in, and where they stand; by the name of the address.

GIVEN   what is typed; a lambda is asked with the Matrix
WHERE   the page that shows the form, where it is not the address itself; None: it needs no page
QUERY   what a GET asks for
"""

from typing import Any

KEY = "0" * 32
ACCOUNT = {"number": "9999990000000014", "again": "9999990000000014", "other_bank": "", "shared_because": ""}

GIVEN: dict[str, dict[str, Any]] = {
    "funds:build": {"case": lambda m: [m.at["case_fund_reserved"]["pk"]], "confirm": "1", "key": KEY},
    "funds:decide": {"verb": "confirm"},
    "funds:statement_file": {
        "of": lambda m: f"fund:{m.at['fund']['fund_id']}",
        "from": "2026-04-01",
        "to": "2026-04-30",
        "form": "csv",
    },
    "funds:answer_reconciliation": {"do": "review"},
    "village:account": ACCOUNT,
    "cases:deliberation": {
        "due_count": "12",
        "present_count": "11",
        "votes_for": "9",
        "votes_against": "1",
        "votes_abstain": "1",
    },
    "funds:open": {"code": "NEW1"},
    "funds:release": {"count": "1", "total_fen": "1000"},
    "funds:answers": {"confirm": "1"},
    "funds:place_fund": {"fund": lambda m: m.at["gift_fund"]["fund_id"]},
    "funds:handed": {"second_payer": lambda m: m.second_payer},
    "rosters:handover": {"second": lambda m: m.second_payer},
    "funds:record_provider": {"number": "999999000000000045", "again": "999999000000000045", "credit_code": ""},
    "funds:bank_columns": dict.fromkeys(("serial", "name", "reason", "date", "reference", "batch"), "")
    | {"account": "甲", "amount": "乙", "status": "丙"},
    "funds:new_bank_account": {"account_no": "9999990000000000100"},
    "funds:state_balance": {"on_month": "4", "on_day": "30"},
    "funds:imprest_count": {"cash_fen": "300", "bank_fen": "0"},
    "rosters:new": {"cash_reason": ""},
    "stock:open": {"code": "QX9"},
    "stock:add_item": {"unit": "件", "low_at": "1"},
    "administration:staff_new": {"id_number": "999999198501010042", "username": "newcomer", "phone": ""},
    "administration:staff_appoint": {"role": "village_clerk", "unit": lambda m: m.places.units["V2"].code},
    "administration:post_delegate": {"to": "no_post", "approved_by": "county_approver"},
    "audit:parameters": {"days": "77"},
    "audit:samples": {"first_on": "2026-04-01", "last_on": "2026-05-06", "least": "", "size": "1"},
    "questions:question": {"step": "right"},
    "retention:propose": {"household": lambda m: m.at["expired_file"]["household_id"]},
    "countersigns:one": {"answer": "object"},
    "emergency:begin": {"unit": lambda m: m.places.units["T2"].code, "reason": "山洪冲了路，要找到几家老人转移"},
    "cases:act correct_account": ACCOUNT,
    "funds:imprest_review": {"key": KEY},
}
WHERE: dict[str, str | None] = {
    "cases:measure": "cases:detail",
    "village:survey_discard": "village:survey_check",
    "funds:build": None,
    "funds:check": "funds:batch",
    "funds:release": "funds:batch",
    "funds:check_provider": "funds:provider",
    "funds:end_provider": "funds:provider",
    "funds:publish_campaign": "funds:campaign",
    "funds:close_campaign": "funds:campaign",
    "funds:bank_columns": "funds:bank_job",
    "funds:bank_words": "funds:bank_job",
    "funds:bank_confirm": "funds:bank_job",
    "funds:bank_cancel": "funds:bank_job",
    "funds:bank_list_take": "funds:bank_list",
    "funds:bank_list_cancel": "funds:bank_list",
    "funds:decide": "funds:proposal",
    "funds:statement_file": None,
    "funds:propose_closing": "funds:month",
    "funds:answer_reconciliation": "funds:reconciliation",
    "funds:imprest_review": "funds:float",
    "funds:imprest_refill": "funds:float",
    "rosters:accounts": "rosters:roster",
    "rosters:pay": "rosters:roster",
    "rosters:cancel_job": "rosters:job",
    "stock:begin_count": "stock:store",
    "stock:count_step": "stock:count",
    "stock:accept": "stock:slip",
    "administration:staff_appoint": "administration:staff",
    "administration:staff_switch": "administration:staff",
    "administration:staff_reset": "administration:staff",
    "administration:delegation_end": None,
    "administration:decide": "administration:waiting",
    "administration:grant_revoke": "administration:grants",
    "audit:run_rules": "audit:rules",
    "countersigns:again": "countersigns:one",
    "retention:propose": None,
    "imports:reply": "imports:job",
    "imports:cancel": "imports:job",
}
QUERY: dict[str, dict[str, Any]] = {
    "funds:statement_rows": {"of": lambda m: f"township:{m.places.units['T1'].pk}"},
}
