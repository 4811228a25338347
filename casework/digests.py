"""Fingerprints of what was published and of what was approved: canonical JSON, SHA-256."""

import hashlib
import json
from typing import Any

from casework.models import Case

PROGRESS_PAPERS = ("progress_photo", "acceptance_form", "enrolment_again", "service_log", "cash_receipt")


def digest_of(facts: Any) -> str:
    """SHA-256 of the canonical JSON of plain values."""
    text = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def approval_facts(case: Case) -> dict[str, Any]:
    """What a signature covers: survey version, amount, payee and account, documents. Any later change voids it.

    Papers that show how a help in parts goes on come after the signature and are not covered by it.
    """
    account = case.payee_account
    facts = {
        "case": case.case_no,
        "programme": case.programme,
        "version": case.version_id,
        "tier": case.tier,
        "amount_fen": case.amount_fen,
        "survey": case.survey.digest if case.survey else None,
        "payee": [account.holder_id, account.number_index] if account else None,
        "documents": sorted(case.papers.exclude(kind__in=PROGRESS_PAPERS).values_list("document__sha256", flat=True)),
    }
    if case.provider_id:
        facts["provider"] = case.provider_id
    return facts


def approval_digest(case: Case) -> str:
    return digest_of(approval_facts(case))
