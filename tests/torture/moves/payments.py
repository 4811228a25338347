"""Batches of payments and the bank's answers."""

from collections.abc import Callable
from typing import Any

from audit import clock
from funds import bulk, cash, countersigning, services
from funds.models import Countersign, Payment, PaymentBatch
from tests.countersigns import a_receipt
from tests.torture.game import Game, Pass, move


@move(4)
def open_batch(game: Game, a: int, b: int, c: int) -> None:
    maker, number, is_cash = a % len(game.people), game.key(), b % 3 == 0
    reason = "没有账户" if is_cash else None
    game.both(
        lambda m: m.open_batch(maker, is_cash),
        lambda: services.open_batch(number=number, title="", by=game.people[maker], cash_reason=reason).pk,
        into=game.batches,
    )


def _payee(game: Game, batch: int, recorder: int) -> services.Payee:
    account = "" if game.model.batches[batch].is_cash else "9999990000000000001"
    return services.Payee(
        name="江正", person_key=None, account_no=account, account_index="x", account_kind="card",
        bank="禾丰农商银行", recorded_by_key=game.people[recorder].person_key,
    )  # fmt: skip


def _list(game: Game, reservation: int, batch: int, recorder: int, replaces: int | None = None) -> None:
    game.both(
        lambda m: m.list_payment(reservation, batch, recorder, replaces),
        lambda: (
            services.list_payment(
                game.reservation(reservation),
                game.batch(batch),
                _payee(game, batch, recorder),
                key=game.key(),
                replaces=None if replaces is None else game.payment(replaces),
            ).pk
        ),
        into=game.payments,
    )


def _draft(game: Game, n: int) -> int | None:
    return game.pick(game.model.batches, n, lambda b: b.state == "draft")


@move(16)
def list_payment(game: Game, a: int, b: int, c: int) -> None:
    reservation, batch = game.pick(game.model.reservations, a, game.may_be_listed), _draft(game, b)
    _list(game, reservation, batch, c % len(game.people))


@move(4)
def list_many(game: Game, a: int, b: int, c: int) -> None:
    ns, batch = game.some(game.model.reservations, a, game.may_be_listed), _draft(game, b)
    recorder = c % len(game.people)
    game.both(
        lambda m: m.list_many(ns, batch, recorder),
        lambda: bulk.list_many(
            [bulk.Listing(game.reservations[n], _payee(game, batch, recorder), game.key()) for n in ns],
            game.batch(batch),
        ),
        then=lambda: _adopt(game, batch),
    )


def _adopt(game: Game, batch: int) -> None:
    """The payments that a list has put on the batch."""
    found = Payment.objects.filter(batch=game.batches[batch]).exclude(pk__in=game.payments)
    game.payments += found.order_by("id").values_list("pk", flat=True)


@move(3)
def reissue(game: Game, a: int, b: int, c: int) -> None:
    payment, batch = game.pick(game.model.payments, a, lambda p: p.state == "returned"), _draft(game, b)
    _list(game, game.model.payments[payment].reservation, batch, c % len(game.people), replaces=payment)


@move(2)
def unlist(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.payments, a, lambda p: p.state == "listed")
    game.both(lambda m: m.unlist(n), lambda: services.unlist_payment(game.payment(n)))


@move(8)
def check_batch(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.batches, a, lambda b: b.state == "draft" and b.lines)
    by = game.person(b, game.model.batches[n].maker)
    game.both(lambda m: m.check_batch(n, by), lambda: services.check_batch(game.batch(n), by=game.people[by]))


@move(3)
def release_batch(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.batches, a, lambda b: b.state == "checked")
    by = game.person(b, game.model.batches[n].maker, game.model.batches[n].checker)
    game.both(lambda m: m.release_batch(n, by), lambda: services.release_batch(game.batch(n), by=game.people[by]))


@move(9)
def hand_over(game: Game, a: int, b: int, c: int) -> None:
    """As the desk does it: the batch is released and every payment of it sent, in one transaction."""
    n = game.pick(game.model.batches, a, lambda b: b.state == "checked")
    by = game.person(b, game.model.batches[n].maker, game.model.batches[n].checker)
    game.both(lambda m: m.hand_over(n, by), lambda: _hand_over(game.batch(n), game.people[by]))


def _hand_over(batch: PaymentBatch, by: Any) -> None:
    listed = list(batch.payments.filter(state="listed").order_by("id").select_related("reservation__allocation"))
    services.release_batch(batch, by=by)
    for payment in listed:
        payment.batch = batch
        services.send(payment)


@move(3)
def send_many(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.batches, a, lambda b: b.lines and b.state == "released")
    game.both(lambda m: m.send_many(n), lambda: bulk.send_many(game.batch(n)))


def _of_payment(verb: str, for_real: Callable[[Payment], Any]) -> Callable[[Game, int, int, int], None]:
    usual = {"send": ("listed",), "claw_back": ("credited",)}.get(verb, ("sent", "unknown"))

    def make(game: Game, a: int, b: int, c: int) -> None:
        n = game.pick(game.model.payments, a, lambda p: p.state in usual)
        game.both(lambda m: getattr(m, verb)(n), lambda: for_real(game.payment(n)))

    make.__name__ = verb
    return make


move(2)(_of_payment("send", services.send))
move(9)(_of_payment("credit", lambda p: services.credit(p, bank_reference="B1", answered_on=clock.today())))
move(3)(
    _of_payment("bounce", lambda p: services.bounce(p, bank_reference="B1", reason="已销户", answered_on=clock.today()))
)
move(1)(_of_payment("lose", services.lose))
move(4)(
    _of_payment(
        "claw_back", lambda p: services.claw_back(p, bank_reference="B2", reason="退票", answered_on=clock.today())
    )
)


def _of_many(verb: str, for_real: Callable[[list[int]], Any]) -> Callable[[Game, int, int, int], None]:
    def make(game: Game, a: int, b: int, c: int) -> None:
        is_cash = {n for n, batch in enumerate(game.model.batches) if batch.is_cash and verb == "credit_many"}
        ns = game.some(game.model.payments, a, lambda p: p.state in ("sent", "unknown") and p.batch not in is_cash)
        game.both(lambda m: getattr(m, verb)(ns), lambda: for_real([game.payments[n] for n in ns]))

    make.__name__ = verb
    return make


move(4)(_of_many("credit_many", lambda ids: bulk.credit_many([bulk.Credited(pk, "B1", clock.today()) for pk in ids])))
move(2)(
    _of_many(
        "bounce_many", lambda ids: bulk.bounce_many([bulk.Bounced(pk, "B1", "已销户", clock.today()) for pk in ids])
    )
)
move(1)(_of_many("lose_many", bulk.lose_many))


@move(10)
def hand_cash(game: Game, a: int, b: int, c: int) -> None:
    """Mostly by two others than who released it."""
    is_cash = {n for n, batch in enumerate(game.model.batches) if batch.is_cash}
    n = game.pick(game.model.payments, a, lambda p: p.state == "sent" and p.batch in is_cash)
    releaser = game.model.batches[game.model.payments[n].batch].releaser
    one = game.person(b, releaser)
    two = game.person(c, releaser, one)
    handover = services.Handover(
        (game.people[one], game.people[two]), clock.today(), "村委会", "signature", "江正", a_receipt()
    )
    game.both(lambda m: m.hand_cash(n, one, two), lambda: cash.hand_over(game.payment(n), handover))


def _handed(game: Game, a: int) -> int:
    """A payment whose cash somebody has written down. Raises Pass."""
    n = game.pick(game.model.payments, a, lambda p: p.asked)
    if game.model.payments[n].asked is None:
        raise Pass
    return n


def _asked(game: Game, n: int) -> int:
    """The last question about the cash of a payment."""
    return Countersign.objects.filter(handover__payment=game.payments[n]).latest("id").pk


@move(10)
def confirm_cash(game: Game, a: int, b: int, c: int) -> None:
    """Mostly by whom was asked."""
    n = _handed(game, a)
    by = game.model.payments[n].asked.second if b % 4 else c % len(game.people)
    game.both(lambda m: m.confirm_cash(n, by), lambda: countersigning.confirm(_asked(game, n), by=game.people[by]))


@move(10)
def object_to_cash(game: Game, a: int, b: int, c: int) -> None:
    n = _handed(game, a)
    by = game.model.payments[n].asked.second if b % 2 else c % len(game.people)
    game.both(
        lambda m: m.say_no(m.payments[n].asked, by),
        lambda: countersigning.object_to(_asked(game, n), by=game.people[by], words="没有去"),
    )
