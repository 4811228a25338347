"""The desk says that payments stand still after a restore, and leads whoever may to lifting it."""

from django.urls import reverse

from casework.desks.funds.forms import new_key
from funds import freezing, proposals
from tests.desks.test_budget import log_in
from tests.funds.test_freezing import checked, frozen, reconciled
from tests.world import World

PASSWORD = "a-long-password-1"  # of every account of tests.world


def test_the_desk_says_so_on_every_page_from_which_money_leaves(world: World) -> None:
    made = checked(world)
    pages = [reverse(f"funds:{name}") for name in ("home", "batches", "waiting")]
    pages.append(reverse("funds:batch", args=[made.batch_id]))
    manager = log_in(world.fund_manager)
    assert not any("付款冻结了" in manager.get(page).text for page in pages)

    frozen(world)

    assert all("付款冻结了" in manager.get(page).text for page in pages)


def test_a_release_on_the_page_is_refused_with_the_way_out(world: World) -> None:
    made = checked(world)
    frozen(world)

    page = log_in(world.cashier).post(
        reverse("funds:release", args=[made.batch_id]),
        {"key": new_key(), "count": "1", "total_fen": str(made.amount_fen // 100), "password": PASSWORD},
    )

    assert "先和银行对账" in page.text
    assert made.batch.history.filter(state="released").count() == 0


def test_the_page_names_what_is_missing_and_then_takes_the_proposal(world: World) -> None:
    frozen(world)
    manager, here = log_in(world.fund_manager), reverse("funds:freeze")
    assert "还没有登记银行账户" in manager.get(here).text
    reconciled(world)

    sent = manager.post(here, {"key": new_key(), "reason": "对过账了"})

    (proposal,) = proposals.to_decide(world.fund_checker)
    assert sent.url == reverse("funds:proposal", args=[proposal.pk])
    second = log_in(world.fund_checker)
    assert "casework-20260415.tar.gz" in second.get(sent.url).text
    second.post(reverse("funds:decide", args=[proposal.pk]), {"verb": "confirm"})
    assert not freezing.open_freezes().exists()
    assert "没有冻结" in manager.get(here).text


def test_whoever_only_looks_proposes_nothing(world: World) -> None:
    frozen(world)
    reconciled(world)
    here = reverse("funds:freeze")

    assert "提出解除冻结" not in log_in(world.cashier).get(here).text
    assert log_in(world.cashier).post(here, {"key": new_key(), "reason": "想付"}).status_code == 403
    assert freezing.open_freezes().exists() and not proposals.to_decide(world.fund_checker).exists()


def test_whoever_has_no_money_in_reach_finds_no_such_page(world: World) -> None:
    assert log_in(world.village_clerk).get(reverse("funds:freeze")).status_code == 404
