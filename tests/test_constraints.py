"""Every constraint of the database is tried with a row that breaks it, in raw SQL. A new one without a bad row fails here.

A bad row is a copy of a good one with the columns named changed; checks are asked before keys, so a copy is enough.
"""

import datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction
from django.utils import timezone

from access import confirmed as confirmed_by_two
from access.models import BreakGlass, DataKey
from audit import clock
from audit.models import ErasureOrder
from casework import payments
from casework.auditing import questions, running, sampling
from casework.auditing.models import RuleHit
from casework.auditing.rules import RULES
from casework.inspection.models import InspectionPack, PackVolume
from casework.models import ServiceEntry
from casework.relatives import register
from casework.retention.models import RetentionPeriod
from funds import (
    bank_balance,
    bank_formats,
    budget,
    cash,
    imprest,
    instalments,
    periods,
    proposals,
    providers,
    receipts,
    recoveries,
    stock,
    stocktake,
)
from funds import services as funds
from funds.models import BankFile, BankLine, BankTask, HeadingMapping, Payment, Proposal, Transfer
from tests.access.test_factor import enrolled
from tests.casework.placing import put
from tests.casework.relatives import kin
from tests.casework.test_no_dead_ends import answer
from tests.casework.test_rosters import drafted
from tests.casework.test_whole_way import pay
from tests.countersigns import a_receipt
from tests.countersigns import confirmed as confirmed_by_the_second
from tests.funds.books import another_fund, close, on
from tests.funds.floats import a_float, decided, handed_out, limited
from tests.funds.shelves import a_store, an_item, counted, issued, stocked
from tests.funds.test_bank_balance import an_account, prepared, stated
from tests.funds.test_ledger import confirmed
from tests.world import START, World, make_staff

OURS = {"audit", "access", "jobs", "flows", "families", "funds", "casework"}
EMPTY = {"on_hand": "0", "lent": "0"}  # as a lot begins
OPEN_COUNT = {"key": "'other'", "state": "'open'", "reason": "''"} | dict.fromkeys(
    ("confirmer_id", "confirmer_person_key", "closed_on"), "NULL"
)
FIRST_LIMIT = "(SELECT min(id) FROM funds_proposal WHERE kind = 'imprest_limit')"
ONE_OF_THEM = "(SELECT min(id) FROM access_staff)"
GIVEN_BACK = "(SELECT id FROM funds_reservation WHERE subject = 'case:given-back')"
# {constraint: (table, {column: SQL})}; a list of changes is tried one after the other.
BAD: dict[str, tuple[str, dict[str, str]]] = {
    # long work
    "a_job_reads_its_own_file": ("jobs_job", {"input_file": "'documents/2026/04/x.jpg'"}),
    "a_job_makes_its_own_file": ("jobs_job", {"result_file": "'jobs/2026/04/../../../packs/x.zip'"}),
    # what auditors do
    "a_hit_once_a_run": ("casework_rulehit", {}),
    "a_parameter_says_why": ("casework_ruleparameter", {"because": "''"}),
    "rule_parameter_not_negative": ("casework_ruleparameter", {"value": "-1"}),
    "a_verdict_says_why": ("casework_ruleverdict", {"because": "''"}),
    "an_entry_says_something": ("casework_questionentry", {"n": "2", "words": "''"}),
    "the_end_says_what_was_found": ("casework_questionentry", {"n": "2", "upheld": "true"}),
    "sample_is_not_empty": ("casework_sample", {"number": "'x'", "size": "0"}),
    "sample_names_its_seed": ("casework_sample", {"number": "'x'", "seed": "''"}),
    # packs for inspectors
    "a_pack_says_why": ("casework_inspectionpack", {"number": "'x'", "key": "'x'", "reason": "''"}),
    "a_pack_is_not_empty": ("casework_inspectionpack", {"number": "'x'", "key": "'x'", "case_count": "0"}),
    "a_pack_has_its_digest": ("casework_inspectionpack", {"number": "'x'", "key": "'x'", "manifest_sha256": "'x'"}),
    "volumes_count_up": ("casework_packvolume", {}),
    # retention and erasure
    "one_period_a_day": ("casework_retentionperiod", {}),
    "kept_for_some_years": ("casework_retentionperiod", {"valid_from": "valid_from + 1", "years": "0"}),
    "a_period_has_its_document": ("casework_retentionperiod", {"valid_from": "valid_from + 1", "basis": "''"}),
    "one_open_erasure": ("audit_erasureorder", {}),
    "erasure_says_why": ("audit_erasureorder", {"subject": "'household:2'", "because": "''"}),
    # keys
    "data_key_numbers": ("access_datakey", {"number": "0"}),
    "a_way_once": ("flows_way", {}),
    # close relatives of those who work here
    "one_cadre_a_person_and_place": ("families_cadre", {"uid": "gen_random_uuid()"}),
    "cadre_dates_in_order": ("families_cadre", {"uid": "gen_random_uuid()", "valid_to": "valid_from - 1"}),
    "a_relative_declared_once": ("families_conflictdeclaration", {"uid": "gen_random_uuid()"}),
    "declared_for_one_person": ("families_conflictdeclaration", {"staff_id": "NULL"}),
    "nobody_declares_herself": ("families_conflictdeclaration", {"relative_key": "declarer_person_key"}),
    "declaration_confirmed_by_another": (
        "families_conflictdeclaration",
        {
            "confirmed_on": "'2026-04-15'",
            "confirmed_by_id": "entered_by_id",
            "confirmer_person_key": "enterer_person_key",
        },
    ),
    "declaration_ended_by_another": (
        "families_conflictdeclaration",
        {
            "ended_on": "'2026-04-15'",
            "ended_by_id": "entered_by_id",
            "ender_person_key": "declarer_person_key",
            "end_reason": "'x'",
        },
    ),
    "one_statement_a_year": ("families_relativestatement", {}),
    "declared_not_negative": ("families_relativestatement", {"declared": "-1"}),
    "a_relative_flagged_once": ("casework_relativeflag", {}),
    "acts_before_not_negative": ("casework_relativeflag", {"acts_before": "-1"}),
    "flag_reviewed_by_another": (
        "casework_relativeflag",
        {
            "verdict": "'stands'",
            "review_words": "'x'",
            "reviewed_by_id": ONE_OF_THEM,
            "reviewer_person_key": "person_key",
            "reviewed_on": "'2026-04-15'",
            "reviewed_at_act": "1",
        },
    ),
    "flag_ended_by_another": (
        "casework_relativeflag",
        {
            "ended_on": "'2026-04-15'",
            "ended_by_id": ONE_OF_THEM,
            "ender_person_key": "person_key",
            "end_words": "'x'",
        },
    ),
    "home_check_says_what_was_seen": ("casework_homecheck", {"words": "''"}),
    "two_go_to_the_home": ("casework_homecheck", {"with_whom": "''"}),
    # access
    "unit_dates_in_order": ("access_orgunit", {"valid_from": "'2026-02-02'", "valid_to": "'2026-02-01'"}),
    "unit_has_a_parent": ("access_orgunit", {"level": "'county'", "parent_id": "NULL"}),
    "one_open_appointment": ("access_appointment", {}),
    "appointment_dates_in_order": ("access_appointment", {"valid_to": "'2000-01-01'"}),
    "nobody_appoints_himself": (
        "access_appointment",
        {
            "appointed_by_id": "staff_id",
            "maker_person_key": "(SELECT person_key FROM access_staff s WHERE s.id = staff_id)",
            "confirmed_how": "NULL",
            "confirmed_on": "NULL",
        },
    ),
    "delegation_dates_in_order": ("access_delegation", {"valid_to": "'2000-01-01'"}),
    "nobody_delegates_to_himself": ("access_delegation", {"delegate_person_key": "principal_person_key"}),
    "delegation_has_a_reason": ("access_delegation", {"reason": "''"}),
    **{
        f"{kind}_{rule}": (f"access_{kind}", columns)
        for kind in ("appointment", "delegation")
        for rule, columns in {
            "confirmed_whole": {"confirmed_how": "NULL"},
            "confirmed_by_another": {
                "confirmed_by_id": "(SELECT min(id) FROM access_staff)",
                "confirmer_person_key": "'x'",
            },
            "confirmed_or_dropped": {"dropped_on": "'2026-04-15'"},
        }.items()
    },
    "one_waiting_reset": ("access_reset", {}),
    "reset_has_a_reason": ("access_reset", {"reason": "''", "what": "'factor'"}),
    "nobody_resets_her_own": (
        "access_reset",
        {"asked_by_id": "staff_id", "asker_person_key": "person_key", "what": "'factor'"},
    ),
    "reset_by_two_administrators": (
        "access_reset",
        {"done_by_id": "asked_by_id", "doer_person_key": "asker_person_key"},
    ),
    "glass_for_an_hour": ("access_breakglass", {"ends_at": "started_at + interval '61 minutes'"}),
    "glass_has_a_reason": ("access_breakglass", {"reason": "''"}),
    "glass_reviewed_whole": ("access_breakglass", {"verdict": "'proper'"}),
    "glass_reviewed_by_another": (
        "access_breakglass",
        {"reviewer_person_key": "person_key", "reviewed_by_id": "staff_id"},
    ),
    "grant_dates_in_order": ("access_grant", {"valid_to": "'2000-01-01'"}),
    "grant_has_a_reason": ("access_grant", {"reason": "''"}),
    "grant_confirmed_whole": ("access_grant", {"confirmed_how": "'approved'"}),
    "grant_confirmed_by_another": (
        "access_grant",
        {"confirmed_by_id": ONE_OF_THEM, "confirmer_person_key": "maker_person_key"},
    ),
    "one_open_recusal": ("access_recusal", {}),
    "one_second_factor": ("access_secondfactor", {"row_key": "gen_random_uuid()"}),
    "recovery_codes_differ": ("access_recoverycode", {}),
    # audit
    "one_clock": ("audit_businessclock", {"id": "2"}),
    "access_has_a_reason": ("audit_accesslog", {"reason": "''"}),
    # flows
    "version_numbers_count_up": ("flows_programmeversion", {"valid_from": "'2030-01-01'"}),
    "one_rule_a_day": ("flows_programmeversion", {"number": "99"}),
    "author_is_not_publisher": ("flows_programmeversion", {"publisher_person_key": "author_person_key"}),
    "published_by_somebody": ("flows_programmeversion", {"publisher_person_key": "''"}),
    # families
    "id_number_with_its_index": ("families_person", {"id_number_sealed": "NULL"}),
    "no_id_needs_a_reason": ("families_person", {"id_number_sealed": "NULL", "person_key": "NULL"}),
    "death_after_birth": ("families_person", {"died_on": "birth_date - 1"}),
    "no_source_without_a_death": ("families_person", {"death_known_by": "'paper'"}),
    "severity_of_hardship_only": ("families_household", {"is_hardship": "false"}),
    "one_household_at_a_time": ("families_householdmember", {}),
    "membership_dates_in_order": ("families_householdmember", {"valid_to": "valid_from - 1"}),
    "a_cause_once": ("families_hardshipcause", {"is_main": "false"}),
    "one_main_cause": ("families_hardshipcause", {"cause": "'disaster'"}),
    "means_once_a_year_and_source": ("families_householdmeans", {}),
    "means_not_negative": ("families_householdmeans", {"debt_fen": "-1"}),
    "help_once_a_source": ("families_helpreceived", {}),
    "help_not_negative": ("families_helpreceived", {"amount_fen": "-1"}),
    "one_active_account_a_household": ("families_bankaccount", {"uid": "gen_random_uuid()"}),
    "survey_versions_count_up": ("families_survey", {}),
    "two_different_surveyors": ("families_survey", {"second_person_key": "surveyor_person_key"}),
    "no_survey_without_consent": ("families_survey", {"consent_given": "false"}),
    "needs_in_own_words": ("families_survey", {"needs_words": "''"}),
    "a_new_version_says_why": ("families_survey", {"version": "2", "change_reason": "''"}),
    # funds
    "one_allocation_a_purpose": ("funds_allocation", {}),
    "one_fund_account": (
        "funds_account",
        {"kind": "'source'", "allocation_id": "NULL", **dict.fromkeys(("debit_fen", "credit_fen"), "0")},
    ),
    "one_allocation_account": (
        "funds_account",
        {
            "kind": "'paid'",
            "allocation_id": "(SELECT min(id) FROM funds_allocation)",
            "debit_fen": "0",
            "credit_fen": "0",
        },
    ),
    "account_at_its_level": (
        "funds_account",
        {"kind": "'paid'", "allocation_id": "NULL", "debit_fen": "0", "credit_fen": "0"},
    ),
    "reservation_is_positive": ("funds_reservation", {"amount_fen": "0"}),
    "released_at_most_once": ("funds_reservation", {"released_fen": "amount_fen + 1"}),
    "maker_is_not_checker": ("funds_paymentbatch", {"checker_person_key": "maker_person_key"}),
    "maker_is_not_releaser": ("funds_paymentbatch", {"releaser_person_key": "maker_person_key"}),
    "checker_is_not_releaser": ("funds_paymentbatch", {"releaser_person_key": "checker_person_key"}),
    "batch_state_has_its_persons": ("funds_paymentbatch", {"state": "'draft'"}),
    "payment_is_positive": ("funds_payment", {"amount_fen": "0"}),
    "one_living_payment_an_instalment": (
        "funds_payment",
        {"uid": "gen_random_uuid()", "key": "'other'", "state": "'listed'"},
    ),
    "answered_after_sending": ("funds_payment", {"sent_on": "'2026-04-15'", "answered_on": "'2026-04-14'"}),
    "returned_says_why": ("funds_payment", {"state": "'returned'", "returned_reason": "''"}),
    "transfer_is_positive": ("funds_transfer", {"amount_fen": "0"}),
    "reversal_says_why": (
        "funds_transfer",
        {
            "reverses_id": "id",
            "debit_id": "credit_id",
            "credit_id": "debit_id",
            "reason": "''",
            "proposal_id": "(SELECT max(id) FROM funds_proposal WHERE kind = 'reverse')",
        },
    ),
    "a_payment_moves_once": ("funds_transfer", {"key": "'other'"}),
    # bank files
    "one_format_a_version": ("funds_bankformat", {"valid_from": "'2030-01-01'"}),
    "one_format_a_day": ("funds_bankformat", {"version": "'other'"}),
    "one_mapping_a_heading": ("funds_headingmapping", {}),
    "a_list_is_of_a_batch": ("funds_bankfile", {"sha256": "'x'", "kind": "'list'"}),
    "an_answer_is_posted_by_somebody": ("funds_bankfile", {"sha256": "'x'", "made_by_id": "NULL"}),
    "a_line_once_a_file": ("funds_bankline", {"owns_reference": "false"}),
    "one_payment_a_bank_reference": ("funds_bankline", {"n": "n + 1"}),
    "only_posted_lines_own_a_reference": ("funds_bankline", {"n": "n + 1", "posted": "false"}),
    "only_what_matched_is_posted": (
        "funds_bankline",
        {"n": "n + 1", "owns_reference": "false", "verdict": "'unmatched'"},
    ),
    "one_open_question_a_payment": ("funds_banktask", {}),
    "settled_by_somebody": ("funds_banktask", {"state": "'settled'"}),
    "asked_by_somebody": ("funds_banktask", {"asked_on": "'2026-04-15'"}),
    "another_way_says_which": (
        "funds_banktask",
        {
            "state": "'settled'",
            "how": "'other'",
            "settled_on": "'2026-04-15'",
            "settled_by_id": "(SELECT min(id) FROM access_staff)",
        },
    ),
    "a_task_is_about_something": ("funds_banktask", {"kind": "'unreadable'"}),
    "fund_years_in_order": ("funds_fund", {"code": "'other'", "first_year": "2027", "last_year": "2026"}),
    "a_level_of_fiscal_money_only": (
        "funds_fund",
        {"code": "'other'", "source": "'raised'", "fiscal_level": "'county'"},
    ),
    "plan_of_twelve_months": ("funds_allocation", {"year": "2031", "plan_fen": "'{1,2,3}'"}),
    "decided_only_once": ("funds_reservation", {"key": "'other'", "once_key": "'p:2026'"}),
    "cash_says_why": ("funds_paymentbatch", {"number": "'other'", "cash_reason": "''"}),
    "two_persons_hand_over_cash": (
        "funds_cashhandover",
        {"payer_two_id": "payer_one_id", "payer_two_key": "payer_one_key"},
    ),
    "cash_has_its_receipt": ("funds_cashhandover", {"receipt_sha256": "''"}),
    "instalments_count_up": ("funds_instalment", {}),
    "instalment_is_positive": ("funds_instalment", {"n": "9", "amount_fen": "0"}),
    "instalment_checked_by_somebody": (
        "funds_instalment",
        {"n": "9", "checked_on": "'2026-04-15'", "checker_person_key": "'x'", "check_note": "''"},
    ),
    "instalment_cancelled_with_reason": ("funds_instalment", {"n": "9", "cancelled_on": "'2026-04-15'"}),
    "proposal_says_why": ("funds_proposal", {"key": "'other'", "reason": "''"}),
    "proposer_is_not_confirmer": (
        "funds_proposal",
        {"state": "'confirmed'", "decider_person_key": "proposer_person_key", "decided_on": "'2026-04-15'"},
    ),
    "proposal_decided_by_somebody": ("funds_proposal", {"state": "'withdrawn'"}),
    "a_refusal_says_why": (
        "funds_proposal",
        {"state": "'refused'", "decider_person_key": "'x'", "decided_on": "'2026-04-15'"},
    ),
    "a_provider_once_on_a_list": ("funds_provider", {"uid": "gen_random_uuid()"}),
    "recorder_does_not_check_provider": (
        "funds_provider",
        {"checker_person_key": "recorder_person_key", "checked_on": "'2026-04-15'"},
    ),
    "provider_checked_by_somebody": ("funds_provider", {"checked_on": "'2026-04-15'", "checker_person_key": "NULL"}),
    "recovery_is_positive": ("funds_recovery", {"owed_fen": "0"}),
    "no_more_comes_back_than_is_owed": ("funds_recovery", {"recovered_fen": "owed_fen + 1"}),
    "recovery_ends_when_nothing_is_owed": ("funds_recovery", {"ended_on": "'2026-04-15'"}),
    "a_month_is_closed_once": (
        "funds_period",
        {"proposal_id": "(SELECT max(id) FROM funds_proposal WHERE key = 'open')"},
    ),
    "low_mark_not_negative": ("funds_stockitem", {"low_at": "-1"}),
    "item_has_its_unit": ("funds_stockitem", {"unit": "''"}),
    "unit_value_not_negative": ("funds_stocklot", EMPTY | {"unit_value_fen": "-1"}),
    "lot_says_where_from": ("funds_stocklot", EMPTY | {"source_name": "''"}),
    "expiry_after_receipt": ("funds_stocklot", EMPTY | {"expires_on": "received_on - 1"}),
    "one_open_count_a_store": ("funds_stockcount", OPEN_COUNT),
    "count_state_has_its_persons": ("funds_stockcount", OPEN_COUNT | {"closed_on": "opened_on"}),
    "an_item_once_in_a_count": ("funds_stockcountline", {}),
    "counted_with_its_book_figure": ("funds_stockcountline", {"counted": "1", "expected": "NULL"}),
    "slip_numbers_count_up": ("funds_stockslip", {"key": "'other'", "number": "'other'"}),
    "witness_is_another": ("funds_stockslip", {"witness_id": "maker_id", "witness_person_key": "maker_person_key"}),
    "issue_names_its_household": ("funds_stockslip", {"receiver": "''"}),
    "transfer_goes_elsewhere": ("funds_stockslip", {"to_store_id": "store_id"}),
    "slip_names_what_it_answers": ("funds_stockslip", {"kind": "'back'", "reason": "'x'"}),
    "count_slip_names_its_count": ("funds_stockslip", {"kind": "'count'", "reason": "'x'"}),
    "slip_says_why": ("funds_stockslip", {"kind": "'back'", "answers_id": "id"}),
    "loss_has_its_witness": ("funds_stockslip", {"kind": "'loss'", "answers_id": "id", "reason": "'x'"}),
    "quantity_is_positive": ("funds_stockmove", {"quantity": "0"}),
    "a_lot_comes_in_once": ("funds_stockmove", {"key": "'other'"}),
    "move_names_what_it_answers": (
        "funds_stockmove",
        {"kind": "'undelivered'", "slip_id": "(SELECT id FROM funds_stockslip WHERE kind = 'back')"},
    ),
    "signature_has_a_fingerprint": ("funds_stocksignature", {"sha256": "'x'"}),
    "signature_has_a_signer": ("funds_stocksignature", {"signer": "''"}),
    "proxy_says_who": ("funds_stocksignature", {"how": "'proxy'", "relation": "''"}),
    "donor_has_a_name": ("funds_donor", {"key": "'other'", "name": "''"}),
    "an_organisation_once_on_a_list": ("funds_donor", {"key": "'other'"}),
    "one_row_for_all_without_a_name": ("funds_donor", {"key": "'other'", "kind": "'anonymous'", "name": "''"}),
    "a_campaign_once": ("funds_campaign", {}),
    "campaign_says_what_for": ("funds_campaign", {"name": "'other'", "purpose_words": "''"}),
    "campaign_dates_in_order": ("funds_campaign", {"name": "'other'", "ends_on": "starts_on - 1"}),
    "published_somewhere": (
        "funds_campaign",
        {"name": "'other'", "published_on": "starts_on", "published_where": "''"},
    ),
    "receipt_is_positive": ("funds_receipt", {"amount_fen": "0"}),
    "receipt_number_or_none": ("funds_receipt", {"receipt_no": "''"}),
    "a_receipt_number_once": ("funds_receipt", {"transfer_id": "(SELECT min(id) FROM funds_transfer)"}),
    "donation_has_donor_and_receipt": ("funds_receipt", {"donor_id": "NULL"}),
    "fiscal_money_has_its_document": ("funds_receipt", {"kind": "'fiscal'", "campaign_id": "NULL"}),
    "campaigns_bring_donations": ("funds_receipt", {"kind": "'other'"}),
    "deposit_dates_in_order": ("funds_depositaccount", {"ended_on": "opened_on - 1"}),
    "a_fund_lies_in_one_account": ("funds_fundstanding", {}),
    "standing_dates_in_order": ("funds_fundstanding", {"valid_to": "valid_from - 1"}),
    "stated_balance_not_negative": ("funds_statedbalance", {"balance_fen": "-1"}),
    "stated_balance_names_its_paper": ("funds_statedbalance", {"reference": "''"}),
    "one_reconciliation_a_day": ("funds_reconciliation", {"key": "'other'"}),
    "preparer_is_not_reviewer": (
        "funds_reconciliation",
        {"reviewed_by_id": "prepared_by_id", "reviewer_person_key": "preparer_person_key"},
    ),
    "reconciliation_reviewed_by_somebody": ("funds_reconciliation", {"reviewed_on": "prepared_on"}),
    "open_items_count_up": ("funds_openitem", {}),
    "an_open_item_once": ("funds_openitem", {"n": "9"}),
    "open_item_is_positive": ("funds_openitem", {"amount_fen": "0"}),
    "open_item_says_what_why_and_who": ("funds_openitem", {"settled_by": "''"}),
    # funds: money in a township's hands
    "one_float_an_allocation": ("funds_imprestfloat", {"proposal_id": FIRST_LIMIT}),
    "float_has_a_limit_until_it_ends": ("funds_imprestfloat", {"ended_on": "opened_on"}),
    "imprest_spend_is_positive": (
        "funds_imprestspend",
        {"amount_fen": "0", "subject": "'case:given-back'", "reservation_id": GIVEN_BACK, "ended_on": "paid_on"},
    ),
    "two_persons_pay_from_imprest": (
        "funds_imprestspend",
        {"payer_two_id": "payer_one_id", "payer_two_key": "payer_one_key"},
    ),
    "imprest_has_its_receipt": ("funds_imprestspend", {"receipt_sha256": "''"}),
    "one_open_spend_a_subject": ("funds_imprestspend", {}),
    "imprest_spend_ends_when_it_is_whole": ("funds_imprestspend", {"ended_on": "paid_on"}),
    "refilled_once_it_is_settled": (
        "funds_imprestspend",
        {"refill_id": "(SELECT id FROM funds_imprestrefill LIMIT 1)"},
    ),
    "refill_is_positive": ("funds_imprestrefill", {"amount_fen": "0"}),
    "asker_is_not_refiller": (
        "funds_imprestrefill",
        {"paid_on": "asked_on", "paid_by_id": "asked_by_id", "payer_person_key": "asker_person_key"},
    ),
    "refill_paid_by_somebody": ("funds_imprestrefill", {"paid_on": "asked_on"}),
    "one_open_count_a_float": ("funds_imprestcount", {"key": "'other'"}),
    "counted_money_not_negative": ("funds_imprestcount", {"cash_fen": "-1"}),
    "counter_is_not_reviewer": (
        "funds_imprestcount",
        {"reviewed_on": "counted_on", "reviewer_id": "counter_id", "reviewer_person_key": "counter_person_key"},
    ),
    "imprest_count_reviewed_by_somebody": ("funds_imprestcount", {"reviewed_on": "counted_on"}),
    "a_difference_is_explained": (
        "funds_imprestcount",
        {
            "cash_fen": "cash_fen + 1",
            "reviewed_on": "counted_on",
            "reviewer_id": "(SELECT id FROM access_staff WHERE username = 'cashier')",
            "reviewer_person_key": "(SELECT person_key FROM access_staff WHERE username = 'cashier')",
        },
    ),
    "transfer_has_two_sides": ("funds_transfer", {"credit_id": "debit_id"}),
    # casework
    "amount_not_negative": ("casework_case", {"amount_fen": "-1"}),
    "closed_with_its_date": ("casework_case", {"closed_on": "'2026-04-15'"}),
    "money_needs_a_tier": ("casework_case", {"state": "'paid'", "tier": "''"}),
    "one_open_case_a_programme": ("casework_case", {"case_no": "'other'"}),
    "one_person_one_duty": ("casework_caseduty", {"duty": "'release_payment'"}),
    "acts_count_up": ("casework_caseevent", {"key": "'other'"}),
    "deliberation_rounds_count_up": ("casework_deliberation", {}),
    "present_are_due": ("casework_deliberation", {"due_count": "1"}),
    "votes_not_negative": ("casework_deliberation", {"votes_abstain": "-1"}),
    "votes_by_those_present": ("casework_deliberation", {"votes_for": "present_count + 1", "votes_against": "0"}),
    "notice_rounds_count_up": ("casework_publicnotice", {}),
    "notice_lasts": ("casework_publicnotice", {"ends_on": "starts_on", "ended_on": "NULL", "outcome": "''"}),
    "notice_is_not_shortened": ("casework_publicnotice", {"outcome": "'clear'", "ended_on": "ends_on"}),
    "objection_answered_in_writing": ("casework_objection", {"upheld": "true", "answered_on": "'2026-04-15'"}),
    "a_measure_once_in_a_plan": ("casework_measure", {}),
    "delivered_with_its_date": ("casework_measure", {"title": "'x'", "state": "'delivered'"}),
    "visited_by_somebody": ("casework_followupvisit", {"visited_on": "'2026-04-15'", "visitor_id": "NULL"}),
    "satisfaction_1_to_5": ("casework_followupvisit", {"satisfaction": "6"}),
    "a_document_once_in_a_case": ("casework_casedocument", {}),
    "service_fits_a_day": ("casework_serviceentry", {"minutes": "1441", "key": "'x'"}),
    "only_unbilled_service_is_withdrawn": (
        "casework_serviceentry",
        {"instalment": "1", "withdrawn_on": "served_on", "withdraw_reason": "'x'", "key": "'x'"},
    ),
    "one_alert_a_step": ("casework_alert", {}),
    "one_draft_a_family_and_person": ("casework_surveydraft", {}),
    "service_is_positive": ("casework_serviceentry", {"minutes": "0"}),
    "service_is_signed_for": ("casework_serviceentry", {"signed_by": "''"}),
    "roster_preparer_is_not_approver": ("casework_roster", {"approver_person_key": "preparer_person_key"}),
    "roster_state_has_its_persons": ("casework_roster", {"state": "'approved'"}),
    "roster_channel_is_whole": ("casework_roster", {"cash_reason": "'x'"}),
    "roster_amounts_are_positive": ("casework_roster", {"severe_fen": "0"}),
    "roster_cancelled_with_reason": ("casework_roster", {"state": "'cancelled'", "cancelled_on": "'2026-04-15'"}),
    "roster_lines_count_up": ("casework_rosterline", {}),
    "one_list_a_person_and_event": ("casework_rosterline", {"n": "99"}),
    "roster_line_is_positive": ("casework_rosterline", {"amount_fen": "0"}),
    "taken_out_with_reason": ("casework_rosterline", {"state": "'out'"}),
}
# Asked by the ledger's own tests, where the balance moves: an account cannot be copied with a balance.
ELSEWHERE = {
    "a_volume_holds_something": "a_pack_is_closed is asked first (tests/casework/inspection/test_packs.py)",
    "a_volume_has_its_digest": "a_pack_is_closed is asked first (tests/casework/inspection/test_packs.py)",
    "nobody_grants_himself": "access_guard is asked first (tests/access/test_approvals.py)",
    "grant_confirmed_or_dropped": "no grant begins confirmed (tests/access/test_approvals.py)",
    "handover_counts": "audit_handover_in_order is asked first (tests/audit/test_handovers.py)",
    "erased_by_two_persons": "no order begins confirmed (tests/privacy/test_erasure.py)",
    "erased_once_confirmed": "no order begins done (tests/privacy/test_erasure.py)",
    "entries_count_up": "casework_question_guard is asked first (tests/casework/auditing/test_questions.py)",
    "a_question_ends_once": "casework_question_guard is asked first (tests/casework/auditing/test_questions.py)",
    "month_1_to_12": "months close in order, which is asked first (tests/funds/test_periods.py)",
    "an_account_once_a_period": "PostgreSQL writes the totals of a month and takes no other (tests/funds/test_periods.py)",
    "period_adds_up": "PostgreSQL writes the totals of a month and takes no other (tests/funds/test_periods.py)",
    "turnover_not_negative": "funds_account_guard refuses every balance that no transfer moved (tests/funds)",
    "never_overspent": "tests/funds/test_ledger.py: an overspend is refused in raw SQL",
    "stock_never_negative": "tests/funds/test_stock.py: a lot begins empty, and more than there is is refused in raw SQL",
    "lent_never_negative": "tests/funds/test_stock.py: no more comes back than went out, which is asked at the same time",
    "counter_is_not_confirmer": "tests/funds/test_stock.py: a stock-take begins open, and is confirmed by an UPDATE",
    "countersign_is_about_one_thing": "tests/funds/test_countersigning.py: whose second person it is, is asked first",
    "countersign_answered_by_somebody": "tests/funds/test_countersigning.py: no question begins answered",
    "confirmed_by_whom_was_asked": "tests/funds/test_countersigning.py: no question begins answered",
    "objection_says_why": "tests/funds/test_countersigning.py: no question begins answered",
    "one_living_countersign_a_spend": "tests/funds/test_countersigning.py: asked twice in raw SQL",
    "one_living_countersign_a_slip": "tests/funds/test_countersigning.py: asked twice in raw SQL",
    "accepted_or_reversed_once": "tests/funds/test_stock.py: a second acceptance is refused in raw SQL",
    "reviewed_when_both_sides_agree": "none begins as reviewed (tests/funds/test_bank_balance.py)",
    "freeze_lifted_by_a_proposal": "while a freeze is open other good rows are refused (tests/funds/test_freezing.py)",
    "freeze_names_its_backup": "while a freeze is open other good rows are refused (tests/funds/test_freezing.py)",
    "reconciliation_refused_with_reason": "none begins as refused (tests/funds/test_bank_balance.py)",
}


def constraints() -> dict[str, str]:
    """{name: table} of every constraint that a model of ours declares."""
    return {
        constraint.name: model._meta.db_table
        for model in apps.get_models()
        if model._meta.app_label in OURS
        for constraint in model._meta.constraints
        if isinstance(constraint, (models.CheckConstraint, models.UniqueConstraint))
    }


def test_every_constraint_has_its_bad_row() -> None:
    missing = set(constraints()) - set(BAD) - set(ELSEWHERE)
    assert not missing, f"write a bad row for {sorted(missing)}"
    assert set(BAD) <= set(constraints()), f"gone: {sorted(set(BAD) - set(constraints()))}"


@pytest.mark.django_db
def test_every_check_in_postgresql_comes_from_a_model_or_from_the_trail() -> None:
    """Nothing stands in the database that the list above does not know."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
               WHERE c.contype = 'c' AND t.relnamespace = 'public'::regnamespace
               AND split_part(t.relname, '_', 1) IN %s AND t.relname NOT LIKE 'audit\\_%%'""",
            [tuple(OURS)],
        )
        there = {name for (name,) in cursor.fetchall()}

    assert there <= set(constraints()), there - set(constraints())


def fill(world: World) -> None:
    """One good row in every table that the bad ones are copied from."""
    from access import services as access
    from access.models import Delegation
    from audit.models import AccessLog, BusinessClock
    from casework.models import Alert, Objection, SurveyDraft
    from families.models import HardshipCause, HelpReceived, HouseholdMeans
    from jobs.models import Job

    case = world.brought_to("fund_reserved")
    pay(world, case)
    answer(world, case, credited=True, key="yes")
    world.plan(case, 1)
    batch = payments.build_batch([world.brought_to("fund_reserved").pk], by=world.fund_manager, key="batch-zzzzzzzz")
    payments.check_batch(batch.pk, by=world.fund_checker, key="c")
    Alert.objects.create(case=case, act=1, level=1, role="village_clerk", due_on=START, raised_on=START)
    SurveyDraft.objects.create(household=case.household, staff=world.village_clerk)
    Objection.objects.create(notice=case.notices.get(), raised_on=START, words="x")
    HardshipCause.objects.create(household=case.household, cause="illness", is_main=True, valid_from=START)
    HouseholdMeans.objects.create(household=case.household, year=2025, source="survey")
    HelpReceived.objects.create(household=case.household, source="ledger")
    helper = make_staff("helper", "x")
    access.delegate(
        world.township_approver.appointments.get(),
        helper,
        valid_from=START,
        valid_to=START,
        reason="休假",
        approved_by=world.sysadmin,
    )
    assert Delegation.objects.exists()
    access.grant(
        helper, "view_case", case, until=START, reason="抽查", approved_by=world.county_approver, by=world.sysadmin
    )
    enrolled(helper)
    BreakGlass.objects.create(
        staff=helper, person_key=helper.person_key, unit=world.village, reason="x", confirmed_with="code",
        started_at=timezone.now(), ends_at=timezone.now() + datetime.timedelta(minutes=5), review_due_on=START,
    )  # fmt: skip
    confirmed_by_two.ask_reset(world.cashier, "password", by=world.sysadmin, reason="x")
    access.recuse(helper.person_key, case.household_no, relation="x", by=world.sysadmin)
    BusinessClock.objects.update_or_create(pk=1, defaults={"date": None})
    Job.objects.create(kind="register_import", title="x")
    AccessLog.objects.create(
        business_date=START, actor_id=1, actor_name="x", kind="unmask", subject="person:1", fields="id", reason="x"
    )
    put(world.open(), "draft")
    _bank_files(world, Payment.objects.get(subject=case.subject))
    fill_the_register_of_relatives(world)


def _bank_files(world: World, payment: Payment) -> None:
    bank_formats.seed()
    HeadingMapping.objects.create(bank="COMMON", signature="x", made_on=START)
    file = BankFile.objects.create(
        kind="answer", bank="COMMON", format_version="1", sha256="y", filename="a.csv", count=1,
        total_fen=payment.amount_fen, made_on=START, made_by=world.cashier,
    )  # fmt: skip
    BankLine.objects.create(
        file=file, n=2, bank="COMMON", serial=payment.key, bank_reference="R1", owns_reference=True,
        account_index=payment.account_index, amount_fen=payment.amount_fen, outcome="credited", verdict="matched",
        result="matched_success", payment=payment, posted=True,
    )  # fmt: skip
    BankTask.objects.create(
        kind="no_answer", file=file, payment=payment, amount_fen=1, words="x", role="cashier", opened_on=START
    )
    fill_the_books(world)


def fill_the_books(world: World) -> None:
    """Proposals of each kind of answer, a closed month, a provider, help in parts, cash and money owed."""
    fund = funds.open_fund("BOOKS", "账", source="raised", unit=world.other_village)
    with clock.frozen_at(datetime.date(2026, 3, 2)):
        funds.receive(fund, 100, key="books")
    clock.move_to(START)  # PostgreSQL has a clock of its own
    closing = periods.propose_closing(world.other_village, 2026, 3, by=world.fund_manager, key="close", reason="月结")
    proposals.confirm(closing.pk, by=world.fund_checker)
    budget.propose_hand_back(fund, 1, by=world.fund_manager, key="open", reason="退")
    how = {"programme": "disaster_relief", "village": world.village, "amount_fen": 100}
    kept = funds.reserve(subject="case:0", key="once", once_key="p:2026", **how)
    instalments.plan(kept, [instalments.Part("一", START, 60), instalments.Part("二", START, 40)])
    providers.record(
        name="学校", kind="school", unit=world.county, bank="x", account_no="9999990000000014", by=world.fund_manager
    )
    case = world.brought_to("fund_reserved")
    batch = payments.build_batch([case.pk], by=world.fund_manager, key="batch-cashcash", cash_reason="没有账户")
    payments.check_batch(batch.pk, by=world.fund_checker, key="cash-c")
    payments.release_batch(batch.pk, by=world.cashier, key="cash-r")
    payment = batch.payments.get()
    cash.hand_over(
        payment,
        funds.Handover((world.township_clerk, world.fund_manager), START, "家里", "signature", "本人", a_receipt()),
    )
    confirmed_by_the_second()
    recoveries.begin(payment.reservation, owed_fen=payment.amount_fen, reason="错付")
    confirmed(world, reverses=Transfer.objects.filter(payment__isnull=False).order_by("pk").first())
    ServiceEntry.objects.create(
        case=case, served_on=START, what="助餐", minutes=30, amount_fen=1, signed_by="本人",
        recorded_by=world.village_clerk, recorder_person_key=world.village_clerk.person_key,
    )  # fmt: skip
    fill_a_store(world)
    fill_a_float(world)
    close_a_month_and_reconcile(world)


def fill_a_float(world: World) -> None:
    """A limit set twice, money handed out and settled, a refill asked for, a count that waits; a decision given back."""
    a_float(world, 500_000, 500_000)
    box = limited(world, 500_000)
    handed_out(world, box, decided(world, 100, "case:settled"))
    imprest.accept("case:settled")
    imprest.ask_refill(box, by=world.township_clerk, key="refill")
    handed_out(world, box, decided(world, 100, "case:open"))
    imprest.count(box, cash_fen=499_800, bank_fen=0, by=world.township_clerk, key="count-1")
    funds.release(decided(world, 100, "case:given-back"), reason="x")


def fill_a_store(world: World) -> None:
    """A signed issue slip, some of it back; a stock-take that was confirmed and one that is open."""
    store, quilt = a_store(world), an_item(world)
    stocked(world, store, quilt, 9)
    slip = issued(world, store, quilt, 2)
    stock.sign(slip, how="signed", signer="x", sha256="0" * 64, by=world.township_clerk)
    stock.give_back(slip, [(slip.moves.get(), 1)], by=world.township_clerk, key="back", reason="x")
    stocktake.confirm_count(counted(world, store, {quilt: 8}), by=world.fund_manager, key="count")
    stocktake.open_count(store, by=world.township_clerk, key="open")
    gift = funds.open_fund("GIFT", "捐赠", source="raised", unit=world.county)
    donor = receipts.add_donor(world.county, "company", "爱心企业甲", key="d")
    receipts.add_donor(world.county, "anonymous", key="nameless")
    campaign = receipts.open_campaign(gift, "暖冬", purpose_words="冬衣", starts_on=START)
    income = receipts.Income("donation", 77, START, donor=donor, campaign=campaign, receipt_no="N1")
    receipts.record(gift, income, by=world.fund_manager, key="gift")


def close_a_month_and_reconcile(world: World) -> None:
    """The township's April closed, another closing confirmed that closed nothing, and a sheet of the bank with one derived item."""
    funds.receive(another_fund(world.township, "TOWN"), 100, key="town")
    with on(5, 1):
        close(world, 2026, 4, unit=world.township)
    spare = Proposal.objects.create(
        key="spare",
        kind="close_period",
        unit=world.township,
        reason="x",
        proposed_by=world.fund_manager,
        proposer_person_key=world.fund_manager.person_key,
        proposed_on=START,
    )
    spare.state, spare.decided_by, spare.decided_on = "confirmed", world.fund_checker, START
    spare.decider_person_key = world.fund_checker.person_key
    spare.save()
    account = an_account(world)
    prepared(world, stated(world, account, START, 1), bank_balance.derived(account, START)[0])
    drafted(world)
    audited(world)
    fill_packs_periods_and_keys(world)


def fill_packs_periods_and_keys(world: World) -> None:
    digest = "0" * 64
    pack = InspectionPack.objects.create(
        number="J2026-1", side="audit", unit=world.county, title="x", chosen={}, reason="x", case_count=1, file_count=1,
        volume_count=1, page_count=1, problem_count=0, size_bytes=1, manifest_sha256=digest, made_by=world.auditor, made_on=START,
        made_at=timezone.now(), key="job-1",
    )  # fmt: skip
    PackVolume.objects.create(pack=pack, n=1, file="x.zip", size_bytes=1, sha256=digest)
    RetentionPeriod.objects.create(kind="aided_file", years=30, valid_from=START, basis="x")
    ErasureOrder.objects.create(
        subject="household:1", streams=["household:1"], because="aided_file", due_since=START, basis="x",
        proposed_by=world.county_reviewer.pk, proposer_person_key=world.county_reviewer.person_key, proposed_at=timezone.now(),
    )  # fmt: skip
    DataKey.objects.create(number=200, wrapped=b"x", root=2, made_at=timezone.now())


def fill_the_register_of_relatives(world: World) -> None:
    kin.a_cadre(world)
    kin.visited(world, world.brought_to("county_decision", household=kin.related(world, world.cashier)))
    register.state_own(by=world.cashier)


def audited(world: World) -> None:
    made = running.run(world.county, by=world.auditor)
    hit = RuleHit.objects.create(run=made, rule="burst", village=world.village, subject="case:1", facts={})
    running.explain(hit, because="看过", by=world.auditor)
    running.set_parameter(world.county, RULES["burst"], "times", 99, because="x", by=world.auditor)
    questions.ask(world.village, "village_head", "x", "x", due_on=START, by=world.auditor, key="q")
    frame = sampling.Frame(world.county, "cases", START, START)
    sampling.draw(frame, size=1, seed="7", seed_source="x", by=world.auditor)


def copy(table: str, changes: dict[str, str]) -> None:
    """Insert a copy of a row with some columns changed; raises what PostgreSQL says."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'"
            " ORDER BY ordinal_position",
            [table],
        )
        columns = [name for (name,) in cursor.fetchall() if name != "id" or "id" in changes]
        where = {
            "casework_case": "WHERE is_open",
            "funds_paymentbatch": "WHERE state = 'released'",
            "funds_transfer": "WHERE payment_id IS NOT NULL",
            "funds_reservation": "WHERE once_key IS NOT NULL",
            "funds_proposal": "WHERE state = 'proposed'",
            "funds_allocation": "WHERE plan_fen IS NULL",
            "funds_imprestspend": "WHERE ended_on IS NULL",
            "funds_stockslip": "WHERE kind = 'issue'",
            "funds_stockcountline": "WHERE count_id IN (SELECT id FROM funds_stockcount WHERE state = 'open')",
        }.get(table, "")
        values = ", ".join(changes.get(name, f'"{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} {where} ORDER BY id LIMIT 1")
        assert cursor.rowcount == 1, f"no row to copy in {table}"


@pytest.mark.django_db
@pytest.mark.usefixtures("as_the_owner")  # the laws hold for the owner too
def test_postgresql_refuses_every_bad_row(world: World) -> None:
    fill(world)
    wrong: dict[str, Any] = {}
    for name, (table, changes) in BAD.items():
        try:
            with transaction.atomic():
                copy(table, changes)
        except DatabaseError as refusal:
            said = refusal.__cause__.diag.constraint_name
            if said != name:
                wrong[name] = said or str(refusal)
        else:
            wrong[name] = "was accepted"

    assert wrong == {}


@pytest.mark.django_db
@pytest.mark.usefixtures("as_the_owner")
def test_what_is_written_in_the_trail_is_not_changed_in_any_table(world: World) -> None:
    """Every table with an append-only trigger refuses UPDATE, DELETE and TRUNCATE of a row that is there."""
    fill(world)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            """SELECT c.relname, (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = 2)
               FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE t.tgname = 'audit_append_only'"""
        )
        tables = cursor.fetchall()
    assert len(tables) > 25
    for table, first in tables:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {table}")
            statements = [f"TRUNCATE {table} CASCADE"]
            if cursor.fetchone()[0]:
                statements += [f'UPDATE {table} SET "{first}" = "{first}"', f"DELETE FROM {table}"]
        for statement in statements:
            with (
                pytest.raises(DatabaseError, match="append-only"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)
