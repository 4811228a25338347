"""Two persons for one entry, on the page: what will be entered, who may decide, and why somebody may not."""

import datetime
from typing import Any

import pytest
from django.urls import reverse

from access import services as access
from audit import clock
from casework.desks.funds.forms import new_key
from casework.desks.funds.menu import count_proposals
from funds import budget, imprest, ledger, periods, proposals, receipts
from funds import services as funds
from funds.errors import NotYours
from funds.models import Proposal, Receipt, Transfer
from tests.desks.test_budget import a_tree, log_in, stranger
from tests.funds.floats import a_float
from tests.world import START, World, make_staff


def a_proposal(world: World, fen: int = 100_000, key: str = "p") -> Proposal:
    return budget.propose_hand_back(
        world.fund, fen, by=world.fund_manager, key=key, reason="项目取消", document_no="财〔2026〕8号"
    )


def decide(staff: Any, proposal: Proposal, verb: str, **fields: str) -> Any:
    return log_in(staff).post(reverse("funds:decide", args=[proposal.pk]), {"verb": verb, **fields})


def page_of(staff: Any, proposal: Proposal) -> Any:
    return log_in(staff).get(reverse("funds:proposal", args=[proposal.pk]))


def test_everything_that_will_be_entered_is_shown_before(world: World) -> None:
    made = a_proposal(world)

    page = page_of(world.fund_checker, made)

    (entry,) = page.context["entries"]
    assert entry.gives == "关怀基金（还没有分配）" and entry.receives == "关怀基金（资金来源）"
    for words in ("1,000", "壹仟元整", "财〔2026〕8号", "项目取消", "fund_manager", "核准以后会这样记账"):
        assert words in page.text, words
    assert page.context["may_decide"] and not page.context["may_withdraw"]


def facts_of(world: World, proposal: Proposal) -> dict[str, tuple[str, str]]:
    return {fact.label: (fact.words, fact.url) for fact in page_of(world.fund_checker, proposal).context["facts"]}


def test_what_is_left_is_shown_before_money_is_taken_away(world: World) -> None:
    relief = world.fund.allocations.get(programme="disaster_relief")
    how = {"by": world.fund_manager, "reason": "调整"}
    taken = budget.propose_take_back(relief, 1_000_000, key="take", **how)
    other = funds.open_fund("GIFT", "捐赠", source="raised", unit=world.county)
    moved = budget.propose_interfund(world.fund, other, 1_000_000, key="move", **how)

    assert facts_of(world, taken) == {
        "那里现在可用（元）": ("300,000", reverse("funds:allocation", args=[relief.pk])),
        "核准以后还剩（元）": ("290,000", ""),
    }
    assert facts_of(world, moved)["核准以后还剩（元）"] == ("90,000", "")
    assert facts_of(world, a_proposal(world))["核准以后还剩（元）"] == ("99,000", "")
    proposals.confirm(taken.pk, by=world.fund_checker)
    assert facts_of(world, taken) == {}


def test_a_reversal_leads_to_the_entry_that_it_undoes(world: World) -> None:
    mistake = Transfer.objects.filter(kind="receive").latest("pk")
    made = budget.propose_reversal(mistake, by=world.fund_manager, key="undo", reason="记错了")

    words, url = facts_of(world, made)["冲正哪一笔"]

    assert words.startswith("收款") and url == reverse("funds:entry", args=[mistake.pk])
    assert log_in(world.fund_checker).get(url).status_code == 200


def test_a_closing_tells_the_second_person_what_is_open(world: World) -> None:
    with clock.frozen_at(datetime.date(2026, 5, 1)):
        clock.move_to(clock.today())
        made = periods.propose_closing(world.county, 2026, 4, by=world.fund_manager, key="c", reason="月末")
        told = facts_of(world, made)

    assert told["哪个月"] == ("2026 年 4 月", reverse("funds:month", args=[world.county.pk, 2026, 4]))
    assert told["还没有登记银行账户，月末余额没法和银行对"] == ("1 项", "")
    assert told["余额小于零的账户"] == ("没有", "")


def test_a_limit_is_shown_with_what_it_was_before(world: World) -> None:
    box = a_float(world, 500_000, 100_000)
    made = imprest.propose_limit(
        box.allocation, 800_000, world.township_clerk, by=world.fund_manager, key="more", reason="汛期"
    )

    told = facts_of(world, made)

    assert told["哪里的备用金"][1] == reverse("funds:float", args=[box.pk])
    assert (told["现在的定额（元）"][0], told["改成定额（元）"][0]) == ("5,000", "8,000")
    assert told["现在谁保管"][0] == told["改成谁保管"][0] == world.township_clerk.name


def test_another_person_confirms_and_pressing_twice_enters_once(world: World) -> None:
    made = a_proposal(world)
    assert (count_proposals(world.fund_checker), count_proposals(world.fund_manager)) == (1, 0)

    answers = [decide(world.fund_checker, made, "confirm") for _press in range(2)]

    assert [answer.status_code for answer in answers] == [302, 302]
    made.refresh_from_db()
    assert (made.state, made.decided_by) == ("confirmed", world.fund_checker)
    transfer = Transfer.objects.get(proposal=made)
    assert page_of(world.fund_manager, made).context["entries"][0].transfer == transfer
    assert count_proposals(world.fund_checker) == 0


def test_another_manager_of_the_unit_may_be_the_second(world: World) -> None:
    colleague = make_staff("colleague", "另一位资金管理")
    access.appoint(colleague, "fund_manager", world.county, by=None, valid_from=datetime.date(2026, 1, 1))
    made = a_proposal(world)

    assert decide(colleague, made, "confirm").status_code == 302
    assert Proposal.objects.get().state == "confirmed"


def test_the_proposer_may_not_and_is_told_why_with_any_account(world: World) -> None:
    twin = make_staff("twin", "同一个人", world.fund_manager.person_key)
    access.appoint(twin, "fund_checker", world.county, by=None, valid_from=datetime.date(2026, 1, 1))
    made = a_proposal(world)

    own, other = page_of(world.fund_manager, made), page_of(twin, made)

    assert "这是你提出的" in own.text and own.context["may_withdraw"]
    assert "你用另一个账号提出的" in other.text and not other.context["may_decide"]
    assert not proposals.to_decide(twin).exists()
    for staff in (world.fund_manager, twin):
        assert decide(staff, made, "confirm").status_code == 403
        assert decide(staff, made, "refuse", answer="x").status_code == 403
    assert Proposal.objects.get().state == "proposed"


def test_who_stands_in_for_the_proposer_is_no_second_person(world: World) -> None:
    helper = make_staff("helper", "代班")
    access.delegate(
        world.fund_manager.appointments.get(),
        helper,
        valid_from=START,
        valid_to=START,
        reason="休假",
        approved_by=world.sysadmin,
    )
    made = a_proposal(world)

    assert "替提出的人代班" in proposals.why_not_decide(made, helper)
    assert not proposals.to_decide(helper).exists()
    assert decide(helper, made, "confirm").status_code == 403
    with pytest.raises(NotYours, match="代班"):
        proposals.confirm(made.pk, by=helper)
    with pytest.raises(NotYours, match="代班"):
        proposals.refuse(made.pk, by=helper, answer="不")
    assert Proposal.objects.get().state == "proposed" and not Transfer.objects.filter(proposal=made).exists()


def test_who_stands_in_for_another_decides_in_her_name(world: World) -> None:
    helper = make_staff("helper", "代班")
    access.delegate(
        world.fund_checker.appointments.get(),
        helper,
        valid_from=START,
        valid_to=START,
        reason="休假",
        approved_by=world.sysadmin,
    )
    made = a_proposal(world)

    proposals.confirm(made.pk, by=helper)

    written = Proposal.history.filter(id=made.pk).latest("history_id")
    assert (written.state, written.history_user_id, written.history_behalf_id) == (
        "confirmed",
        helper.pk,
        world.fund_checker.pk,
    )


@pytest.mark.parametrize("who", ["cashier", "auditor", "township_approver"])
def test_who_holds_no_such_post_reads_or_sees_nothing(world: World, who: str) -> None:
    made = a_proposal(world)
    staff = world.staff[who]

    page = page_of(staff, made)

    if who == "township_approver":
        assert page.status_code == 404
    else:
        assert "由禾源县的资金复核或资金管理核准" in page.text and not page.context["may_decide"]
        assert "只能看" in log_in(staff).get(reverse("funds:proposals")).text
    assert decide(staff, made, "confirm").status_code in (403, 404)
    assert Proposal.objects.get().state == "proposed"


def test_another_county_finds_nothing(world: World) -> None:
    made = a_proposal(world)
    staff = stranger(world)

    assert page_of(staff, made).status_code == 404
    assert decide(staff, made, "confirm").status_code == 404
    assert log_in(staff).get(reverse("funds:proposals")).context["rows"] == []
    transfer = Transfer.objects.get(key="receive:1")
    assert log_in(staff).get(reverse("funds:reversal", args=[transfer.pk])).status_code == 404


def test_a_refusal_needs_words_and_reaches_the_proposer(world: World) -> None:
    made = a_proposal(world)

    wordless = decide(world.fund_checker, made, "refuse", answer="")
    decide(world.fund_checker, made, "refuse", answer="没有批文")

    assert wordless.status_code == 200 and wordless.context["form"].errors
    assert Proposal.objects.get().state == "refused"
    assert "没有批文" in page_of(world.fund_manager, made).text
    assert not Transfer.objects.filter(proposal=made).exists()
    assert decide(world.fund_checker, made, "nonsense").status_code == 404


def test_the_proposer_withdraws(world: World) -> None:
    made = a_proposal(world)

    assert "只有提出的人能撤回" in decide(world.fund_checker, made, "withdraw").text
    decide(world.fund_manager, made, "withdraw")

    assert Proposal.objects.get().state == "withdrawn"


def test_what_the_ledger_refuses_is_said_in_words_and_nothing_is_left(world: World) -> None:
    *_above, relief = a_tree(world)
    made = budget.propose_take_back(relief, 4_000_000, by=world.fund_manager, key="q", reason="收回")
    funds.reserve(subject="case:1", key="r", programme="disaster_relief", village=world.village, amount_fen=500)
    other = budget.propose_take_back(relief, 4_000_000, by=world.fund_manager, key="s", reason="又收一次")
    decide(world.fund_checker, made, "confirm")

    answer = decide(world.fund_checker, other, "confirm")

    assert "只能收回还没有承诺的钱" in answer.text and answer.status_code == 200
    other.refresh_from_db()
    assert other.state == "proposed" and other.decided_by is None


# ---------------------------------------------------------------- proposing


@pytest.mark.parametrize(
    ("name", "fields", "kind", "fen"),
    [
        ("take_back", {"amount_fen": "100"}, "take_back", 10_000),
        ("hand_back", {"amount_fen": "100"}, "hand_back", 10_000),
        ("interfund", {"amount_fen": "100", "to": "OTHER"}, "interfund", 10_000),
        ("carry_over", {"year": "2026"}, "carry_over", 9_000_000),
    ],
)
def test_each_kind_is_proposed_on_a_page_of_its_own(
    world: World, name: str, fields: dict[str, str], kind: str, fen: int
) -> None:
    fund, *_above, relief = a_tree(world)
    other = funds.open_fund("OTHER", "另一项", source="fiscal", unit=world.county)
    if "to" in fields:
        fields = fields | {"to": str(other.pk)}
    client = log_in(world.fund_manager)
    url = reverse(f"funds:{name}", args=[relief.pk if name == "take_back" else fund.pk])
    form = {"key": new_key(), "reason": "会议决定", "document_no": "纪1", **fields}
    transfers = Transfer.objects.count()

    shown = client.get(url)
    answers = [client.post(url, form) for _press in range(2)]

    made = Proposal.objects.get()
    assert "你提出以后，由另一个人核准才记账" in shown.text
    assert [answer.url for answer in answers] == [reverse("funds:proposal", args=[made.pk])] * 2
    assert (made.kind, made.amount_fen, made.fund, made.document_no) == (kind, fen, fund, "纪1")
    assert Transfer.objects.count() == transfers
    before = [(e.gives, e.receives, e.amount_fen) for e in page_of(world.fund_checker, made).context["entries"]]
    decide(world.fund_checker, made, "confirm")
    after = [(e.gives, e.receives, e.amount_fen) for e in page_of(world.fund_checker, made).context["entries"]]
    assert before == after and sum(entry[2] for entry in before) == fen
    assert log_in(world.cashier).get(url).status_code == 403


@pytest.mark.parametrize(("name", "words"), [("take_back", "最多 40,000 元"), ("hand_back", "最多 10,000 元")])
def test_more_than_is_free_is_refused_with_the_figure(world: World, name: str, words: str) -> None:
    fund, *_above, relief = a_tree(world)
    url = reverse(f"funds:{name}", args=[relief.pk if name == "take_back" else fund.pk])

    answer = log_in(world.fund_manager).post(url, {"key": new_key(), "reason": "x", "amount_fen": "90万"})

    assert words in answer.text and not Proposal.objects.exists()


def test_a_mistaken_receipt_is_reversed_from_the_ledger(world: World) -> None:
    receipt = receipts.record(
        world.fund, receipts.Income("fiscal", 500, START, document_no="财1"), by=world.fund_manager, key="x"
    )
    client, ledger_url = log_in(world.fund_manager), reverse("funds:fund", args=[world.fund.pk])
    url = reverse("funds:reversal", args=[receipt.transfer_id])

    assert url in client.get(ledger_url).text and "票据号不能再用" in client.get(url).text
    assert url not in log_in(world.cashier).get(ledger_url).text
    client.post(url, {"key": new_key(), "reason": "记了两遍"})
    made = Proposal.objects.get()
    waiting = client.get(ledger_url).text
    assert url not in waiting and "冲正等核准" in waiting
    decide(world.fund_checker, made, "confirm")

    page = client.get(ledger_url)
    mirror = Transfer.objects.get(reverses=receipt.transfer)
    assert "<del>收款</del>" in page.text and f"?entry={receipt.transfer_id}#ledger" in page.text
    both = client.get(ledger_url, {"entry": receipt.transfer_id}).context["rows"]
    assert [row["transfer"] for row in both] == [mirror, receipt.transfer]
    assert Receipt.objects.get().is_reversed
    assert ledger.balances([world.fund])[world.fund.pk].total_fen == 100_000_000
    assert "看是谁核准的" in client.get(reverse("funds:receipt", args=[receipt.pk])).text


def test_what_cannot_be_reversed_has_no_button_and_is_refused(world: World) -> None:
    funds.reserve(subject="case:1", key="r", programme="disaster_relief", village=world.village, amount_fen=500)
    transfer = Transfer.objects.get(kind="reserve")
    client, url = log_in(world.fund_manager), reverse("funds:reversal", args=[transfer.pk])

    assert url not in client.get(reverse("funds:fund", args=[world.fund.pk])).text
    assert "不能冲正" in client.post(url, {"key": new_key(), "reason": "x"}).text
    assert not Proposal.objects.exists()


def test_a_closing_is_shown_though_it_moves_nothing(world: World) -> None:
    funds.receive(world.fund, 1, key="april")

    with clock.frozen_at(datetime.date(2026, 5, 4)):
        made = periods.propose_closing(world.county, 2026, 4, by=world.fund_manager, key="c", reason="月结")
        assert "2026 年 4 月结账" in page_of(world.fund_checker, made).text


# ---------------------------------------------------------------- the list


def test_mine_stand_on_top_and_each_proposal_once(world: World) -> None:
    first, second = a_proposal(world), a_proposal(world, key="q")
    proposals.refuse(second.pk, by=world.fund_checker, answer="不")
    access.appoint(world.fund_checker, "fund_manager", world.county, by=None, valid_from=START)
    hers = budget.propose_hand_back(world.fund, 7, by=world.fund_checker, key="s", reason="退")
    client, url = log_in(world.fund_checker), reverse("funds:proposals")

    page = client.get(url).context

    assert page["mine"] == [first]
    assert [row["proposal"] for row in page["rows"]] == [hers]
    refused = client.get(url, {"state": "refused"}).context
    assert [row["proposal"] for row in refused["rows"]] == [second]
    assert len(client.get(url, {"state": "all"}).context["rows"]) == 3


def test_no_list_of_proposals_asks_more_the_longer_it_is(world: World, django_assert_max_num_queries: Any) -> None:
    client = log_in(world.fund_manager)
    fund, *_above = a_tree(world)
    a_proposal(world)
    carried = budget.propose_carry_over(fund, 2026, by=world.fund_manager, key="c", reason="结转")
    pages = [
        reverse("funds:proposals"),
        reverse("funds:proposals") + "?state=all",
        reverse("funds:proposal", args=[carried.pk]),
        reverse("funds:fund", args=[world.fund.pk]),
    ]

    def counts() -> list[int]:
        found = []
        for url in pages:
            client.get(url)
            with django_assert_max_num_queries(26) as asked:
                assert client.get(url).status_code == 200
            found.append(len(asked))
        return found

    few = counts()
    for n in range(30):
        made = a_proposal(world, 1, key=f"many:{n}")
        if n % 2:
            proposals.confirm(made.pk, by=world.fund_checker)
    assert counts() == few
