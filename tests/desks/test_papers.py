"""What is printed: full dates, since papers are read in other years, and a list that cashier and checker can hold."""

import re
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from casework import payments
from casework.desks.funds.forms import new_key
from funds.models import PaymentBatch
from tests.desks.test_township import login
from tests.world import World

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
PAPERS = [
    *["funds/receipt", "funds/donor", "funds/reconciliation", "funds/statement", "funds/refill", "funds/month"],
    *["funds/batch_paper", "funds/cash_list", "funds/_open_side", "stock/slip", "rosters/printed"],
    *["cases/service_sheet", "cases/provider_sheet", "cases/survey", "public/notice", "public/board"],
]


@pytest.mark.parametrize("paper", PAPERS)
def test_no_paper_leaves_a_year_out(paper: str) -> None:
    words = (TEMPLATES / f"{paper}.html").read_text(encoding="utf-8")

    assert re.findall(r"\|(?:day|day_short|moment)\b", words) == []


def listed(world: World) -> PaymentBatch:
    return payments.build_batch([world.brought_to("fund_reserved").pk], by=world.fund_manager, key=new_key())


def test_a_batch_is_printed_with_count_total_and_three_signatures(world: World) -> None:
    batch = listed(world)
    line = batch.payments.get()
    client = login(Client(), world.cashier)
    address = reverse("funds:batch_paper", args=[batch.pk])

    paper = client.get(address)

    assert address in client.get(reverse("funds:batch", args=[batch.pk])).text
    assert paper.context["row"].count == 1 and f"{line.amount_fen // 100:,}" in paper.text
    assert line.payee_name in paper.text and f"**** {line.account_last4}" in paper.text
    assert all(word in paper.text for word in ("元整", "制单", "复核", "放行", "2026年4月15日"))
    assert not re.search(r"\d{12,}", re.sub(r"<[^>]*>", "", paper.text)), "an account in full"


def test_a_line_that_was_taken_off_is_not_on_the_paper(world: World) -> None:
    batch = listed(world)
    line = batch.payments.get()
    client = login(Client(), world.fund_manager)
    client.post(reverse("funds:unlist", args=[line.pk]), {"key": new_key(), "reason": "改下一批"})

    paper = client.get(reverse("funds:batch_paper", args=[batch.pk]))

    assert list(paper.context["page"]) == [] and line.payee_name not in paper.text


def test_a_village_sees_no_batch_on_paper(world: World) -> None:
    batch = listed(world)

    answer = login(Client(), world.village_clerk).get(reverse("funds:batch_paper", args=[batch.pk]))

    assert answer.status_code in (403, 404)
