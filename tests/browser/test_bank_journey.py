"""A bank's answer in the browser: uploaded, looked at, decided, posted; and what it left open."""

from pathlib import Path
from typing import Any

import pytest

from funds import bank_formats
from funds.models import Payment
from jobs import runner
from jobs.models import Job
from tests.browser.helpers import assert_accessible, login_as
from tests.funds.sent import PayLine, plain_payments, send
from tests.funds.test_bank_files import answer, row
from tests.world import World

pytestmark = [pytest.mark.browser, pytest.mark.slow]
WIDTHS = (320, 390, 1280)
LINES = [PayLine(f"QH{n:04}", f"江正{n}", f"999999{n:013}", 80_000, "禾丰农商银行") for n in range(1, 5)]


def test_an_answer_is_looked_at_before_it_is_posted(
    desk_page: Any, live_server: Any, world: World, tmp_path: Path
) -> None:
    page = desk_page
    bank_formats.seed()
    send(world, LINES)
    path = tmp_path / "回单.csv"
    path.write_bytes(answer(row(LINES[0]), row(LINES[1], name="别人"), row(LINES[2], amount="380.00")))

    login_as(page, live_server, "cashier")
    page.goto(f"{live_server.url}/funds/bank/")
    assert_accessible(page, widths=WIDTHS)
    page.select_option("[name=bank]", "COMMON")
    page.set_input_files("[name=file]", path)
    page.click("text=传上去核对")
    assert "还没有记账" in page.inner_text("main")
    runner.run(Job.objects.get().pk)
    page.reload()
    assert_accessible(page, widths=WIDTHS)
    page.click("text=确认，记账")
    assert "还有 1 行没有定" in page.inner_text("main")
    page.check("[name=line-3][value=yes]")
    page.click("text=确认，记账")
    with plain_payments():
        runner.run(Job.objects.get().pk)
    page.reload()
    assert "回单.csv" in page.inner_text("h1")
    assert_accessible(page, widths=WIDTHS)

    page.goto(f"{live_server.url}/funds/bank/tasks/")
    assert_accessible(page, widths=WIDTHS)
    page.click("text=金额不同")
    assert_accessible(page, widths=WIDTHS)
    page.click("text=问过银行了")
    assert "问过银行" in page.inner_text("dl.facts")
    states = Payment.objects.order_by("key").values_list("state", flat=True)
    assert list(states) == ["credited", "credited", "sent", "sent"]
