"""Money in a township's hands: advanced, handed out, settled, refilled, counted."""

from audit import clock
from funds import countersigning, imprest, services
from funds.models import Countersign
from tests.countersigns import a_receipt
from tests.torture.game import Game, move
from tests.torture.model import words

CAP_FEN = 10**9  # what a programme allows at once is casework's to say


@move(3)
def advance(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.floats, a, lambda f: not f.has_ended)
    box = game.model.floats[n]
    amount = game.amount(c, min(box.limit - game.model.advanced(box.allocation), game.model.free(box.allocation)))
    game.both(
        lambda m: m.advance(n, amount),
        lambda: imprest.advance(game.float(n), amount, by=game.people[0], key=game.key()),
    )


@move(1)
def give_up(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.floats, a, lambda f: not f.has_ended)
    amount = game.amount(c, max(0, game.model.on_hand(n)))
    game.both(
        lambda m: m.give_up(n, amount),
        lambda: imprest.give_up(game.float(n), amount, by=game.people[0], key=game.key()),
    )


@move(6)
def spend(game: Game, a: int, b: int, c: int) -> None:
    """Two persons give a family in cash what was decided."""
    n = game.pick(game.model.floats, a, lambda f: not f.has_ended)
    reservation = game.pick(game.model.reservations, b, lambda r: _fits(game, n, r))
    one, two = c % len(game.people), game.person(c, c % len(game.people))
    handover = services.Handover(
        (game.people[one], game.people[two]), clock.today(), "家里", "signature", "江正", a_receipt()
    )
    game.both(
        lambda m: m.spend(n, reservation, one, two),
        lambda: (
            imprest.spend(
                game.float(n), game.reservation(reservation), handover, payee_name="江正", cap_fen=CAP_FEN,
                overdue_makeups=0, due_on=clock.today(),
            ).pk
        ),
        into=game.spends,
    )  # fmt: skip


def _fits(game: Game, n: int, reservation: words.Reservation) -> bool:
    """The float has it and may give it."""
    place = next(place for place, known in enumerate(game.model.reservations) if known is reservation)
    return (
        game.may_be_listed(reservation)
        and game.model.may_pay(n, place)
        and reservation.amount - reservation.released <= game.model.on_hand(n)
    )


def _asked(game: Game, n: int) -> int:
    """The last question about money that was handed out."""
    return Countersign.objects.filter(spend=game.spends[n]).latest("id").pk


@move(4)
def confirm_spend(game: Game, a: int, b: int, c: int) -> None:
    """Mostly by whom was asked."""
    n = game.pick(game.model.spends, a, lambda s: s.open)
    by = game.model.spends[n].asked.second if b % 4 else c % len(game.people)
    game.both(
        lambda m: m.say_yes(m.spends[n].asked, by),
        lambda: countersigning.confirm(_asked(game, n), by=game.people[by]),
    )


@move(1)
def object_to_spend(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.spends, a, lambda s: s.open)
    by = game.model.spends[n].asked.second if b % 2 else c % len(game.people)
    game.both(
        lambda m: m.say_no(m.spends[n].asked, by),
        lambda: countersigning.object_to(_asked(game, n), by=game.people[by], words="没有去"),
    )


@move(4)
def ask_again(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.spends, a, lambda s: s.asked.answer == "objected")
    by = game.person(c, game.model.spends[n].asked.first) if b % 4 else game.model.spends[n].asked.first
    game.both(lambda m: m.ask_again(n, by), lambda: countersigning.ask_again(_asked(game, n), by=game.people[by]))


@move(3)
def accept(game: Game, a: int, b: int, c: int) -> None:
    """The papers are accepted: what was handed out is paid."""
    spend = game.pick(game.model.spends, a, lambda s: s.open)
    n = game.model.spends[spend].reservation
    game.both(lambda m: m.accept(n), lambda: imprest.accept(game.reservation(n).subject))


@move(4)
def ask_refill(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.floats, a, lambda f: not f.has_ended)
    by = game.model.floats[n].custodian if b % 5 else c % len(game.people)
    game.both(
        lambda m: m.ask_refill(n, by),
        lambda: imprest.ask_refill(game.float(n), by=game.people[by], key=game.key()).pk,
        into=game.refills,
    )


@move(12)  # seldom is there one to pay, and 20,000 moves should meet some
def pay_refill(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.refills, a, lambda r: r.payer is None)
    by = game.person(b, game.model.refills[n].asker)
    game.both(
        lambda m: m.pay_refill(n, by),
        lambda: imprest.pay_refill(game.refill(n), by=game.people[by], bank_reference="HF1"),
    )


@move(1)
def count(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.floats, a, lambda f: not f.has_ended)
    cash, explains = max(0, game.model.on_hand(n)) + (b % 3 == 0), b % 2 == 0
    by = game.model.floats[n].custodian if c % 5 else c % len(game.people)
    game.both(
        lambda m: m.count(n, cash, by, explains),
        lambda: (
            imprest.count(
                game.float(n), cash_fen=cash, bank_fen=0, by=game.people[by], key=game.key(),
                explanation="找零" if explains else "",
            ).pk
        ),
        into=game.counts_of_cash,
    )  # fmt: skip


@move(1)
def explain(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.counts, a, lambda count: count.reviewer is None)
    by = game.model.floats[game.model.counts[n].float].custodian if b % 5 else c % len(game.people)
    game.both(lambda m: m.explain(n, by), lambda: imprest.explain(game.count(n), "找零", by=game.people[by]))


@move(1)
def review(game: Game, a: int, b: int, c: int) -> None:
    n = game.pick(game.model.counts, a, lambda count: count.reviewer is None)
    by = game.person(b, game.model.counts[n].counter)
    game.both(lambda m: m.review(n, by), lambda: imprest.review(game.count(n), by=game.people[by]))
