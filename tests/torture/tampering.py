"""Statements that no hand of ours would write and that PostgreSQL must refuse, each by the law it breaks.

A refusal by another law counts as none: two laws may stand behind each other, and the harness must miss either.
"""

from dataclasses import dataclass

from django.db import DatabaseError, connection


class NotRefused(AssertionError):
    """The law that should have refused did not; another may have, or nothing did."""


class NothingThere(DatabaseError):
    """No row to which the statement would apply; as good as refused."""

    def __init__(self) -> None:
        super().__init__("no row")
        self.__cause__ = _NoRow()


class _NoRow(Exception):
    pgcode = "23"


MET: set[str] = set()  # statements that their law has refused so far; those that met no row are not among them


@dataclass(frozen=True)
class Tampering:
    law: str  # words of its refusal
    statement: str  # over %(funds)s, the funds of the game

    def attempt(self, funds: list[int]) -> None:
        """Try it. Raises DatabaseError when its law refuses it, else NotRefused."""
        try:
            with connection.cursor() as cursor:
                cursor.execute(self.statement, {"funds": funds})
                if cursor.rowcount == 0:
                    raise NothingThere
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except NothingThere:
            raise
        except DatabaseError as refusal:
            if self.law not in str(refusal):
                raise NotRefused(f"{self.law!r} should have refused, not: {refusal}") from refusal
            MET.add(self.statement)
            raise
        raise NotRefused(f"{self.law!r} should have refused, and nothing did: {' '.join(self.statement.split())[:120]}")


_OF_FUND = "SELECT l.id FROM funds_allocation l WHERE l.fund_id = ANY (%(funds)s)"
_ACCOUNT = "id = (SELECT max(id) FROM funds_account WHERE fund_id = ANY (%(funds)s) AND debit_fen > 0)"
_TRANSFER = (
    "id = (SELECT max(t.id) FROM funds_transfer t JOIN funds_account d ON d.id = t.debit_id"
    " WHERE d.fund_id = ANY (%(funds)s))"
)


def _reservation(where: str) -> str:
    return f"id = (SELECT max(id) FROM funds_reservation WHERE allocation_id IN ({_OF_FUND}) AND {where})"


def _payment(where: str) -> str:
    return (
        "id = (SELECT max(p.id) FROM funds_payment p JOIN funds_reservation r ON r.id = p.reservation_id"
        " JOIN funds_paymentbatch b ON b.id = p.batch_id"
        f" WHERE r.allocation_id IN ({_OF_FUND}) AND {where})"
    )


def _batch(where: str) -> str:
    return (
        "id = (SELECT max(b.id) FROM funds_paymentbatch b JOIN funds_payment p ON p.batch_id = b.id"
        f" JOIN funds_reservation r ON r.id = p.reservation_id WHERE r.allocation_id IN ({_OF_FUND}) AND {where})"
    )


_WITHIN = "d.fund_id = c.fund_id AND (d.allocation_id = c.allocation_id OR d.allocation_id IS NULL OR c.allocation_id IS NULL)"
_WHOLE = "AND r.id IS NOT NULL AND r.id NOT IN (SELECT t.reservation_id FROM funds_transfer t WHERE t.debit_id <> d.id AND t.reservation_id IS NOT NULL)"
_HAS = "d.credit_fen > d.debit_fen"
_HELD = (
    "AND r.id IN (SELECT t.reservation_id FROM funds_transfer t WHERE t.credit_id = d.id"
    " EXCEPT SELECT t.reservation_id FROM funds_transfer t WHERE t.debit_id = d.id)"
)
_LISTED, _SENT, _RETURNED = "p.state = 'listed'", "p.state = 'sent'", "p.state = 'returned'"
_EARLY, _LATE = f"{_LISTED} AND b.state <> 'released'", f"{_LISTED} AND b.state = 'released'"
_BANK = "b.cash_reason IS NULL"
_DRAFT, _CHECKED, _RELEASED = "b.state = 'draft'", "b.state = 'checked'", "b.state = 'released'"
_MIRROR = """
INSERT INTO funds_transfer (key, kind, debit_id, credit_id, amount_fen, subject, reverses_id, reason, document_no, business_date,
                            recorded_at)
SELECT gen_random_uuid()::text, kind, credit_id, debit_id, amount_fen, subject, id, 'x', '', business_date, now()
FROM funds_transfer WHERE id = (SELECT min(t.id) FROM funds_transfer t JOIN funds_account d ON d.id = t.debit_id
                                JOIN funds_account c ON c.id = t.credit_id
                                WHERE d.fund_id = ANY (%(funds)s) AND t.kind = 'receive' AND t.reverses_id IS NULL
                                  AND NOT EXISTS (SELECT FROM funds_transfer m WHERE m.reverses_id = t.id)
                                  AND c.credit_fen - c.debit_fen >= t.amount_fen)"""
_PLANNED = "EXISTS (SELECT FROM funds_instalment i WHERE i.reservation_id = p.reservation_id)"
_ROOM = f"{_PLANNED} AND r.amount_fen - r.released_fen > (SELECT sum(q.amount_fen) FROM funds_payment q WHERE q.reservation_id = r.id)"
_TWICE = """
INSERT INTO funds_transfer (key, kind, debit_id, credit_id, amount_fen, subject, reservation_id, payment_id, reason, document_no,
                            business_date, recorded_at)
SELECT gen_random_uuid()::text, kind, debit_id, credit_id, amount_fen, subject, reservation_id, payment_id, 'x', '',
       business_date, now()
FROM funds_transfer WHERE id = (SELECT max(t.id) FROM funds_transfer t JOIN funds_account d ON d.id = t.debit_id
                                WHERE d.fund_id = ANY (%(funds)s) AND t.payment_id IS NOT NULL AND t.reverses_id IS NULL)"""


def _insert(
    kind: str,
    gives: str,
    takes: str,
    *,
    more: str = "",
    joined: str = _WITHIN,
    amount: str = "1",
    has: str = _HAS,
    day: str = "2026-04-15",
) -> str:
    """One fen between two accounts that have it, for a reservation of theirs if there is one."""
    return f"""
INSERT INTO funds_transfer (key, kind, debit_id, credit_id, amount_fen, subject, reservation_id, reason, document_no,
                            business_date, recorded_at)
SELECT gen_random_uuid()::text, '{kind}', d.id, c.id, {amount}, coalesce(r.subject, 'fund:1'), r.id, 'x', '', '{day}', now()
FROM funds_account d JOIN funds_account c ON {joined} AND c.kind = '{takes}'
LEFT JOIN funds_reservation r ON r.allocation_id = d.allocation_id
WHERE d.fund_id = ANY (%(funds)s) AND c.fund_id = ANY (%(funds)s) AND d.kind = '{gives}' AND {has} {more}
ORDER BY d.id, c.id, r.id LIMIT 1"""


_COPY = """
INSERT INTO funds_payment (uid, key, subject, instalment, amount_fen, state, payee_name, account_sealed, account_index,
    account_last4, account_kind, bank, account_recorded_by_key, listed_on, bank_reference, returned_reason, batch_id, replaces_id,
    reservation_id)
SELECT gen_random_uuid(), gen_random_uuid()::text, subject, {instalment}, {amount}, '{state}', payee_name, account_sealed,
    account_index, account_last4, account_kind, bank, account_recorded_by_key, listed_on, '', 'x', batch_id, NULL, reservation_id
FROM funds_payment WHERE """


def _copy(where: str, *, instalment: str = "instalment", amount: str = "amount_fen", state: str = "listed") -> str:
    return _COPY.format(instalment=instalment, amount=amount, state=state) + _payment(where)


def _released_by(who: str) -> str:
    """By somebody who acted on the batch, but wrote down none of its accounts."""
    recorded = f"EXISTS (SELECT FROM funds_payment q WHERE q.batch_id = b.id AND q.account_recorded_by_key = b.{who}_person_key)"
    return (
        f"UPDATE funds_paymentbatch SET state = 'released', releaser_id = {who}_id, releaser_person_key = {who}_person_key,"
        f" released_on = made_on WHERE {_batch(f'{_CHECKED} AND NOT {recorded}')}"
    )


_RELEASED_BY_RECORDER = f"""
UPDATE funds_paymentbatch SET state = 'released', released_on = made_on, releaser_id = s.id, releaser_person_key = s.person_key
FROM access_staff s, funds_payment p, funds_reservation r
WHERE r.id = p.reservation_id AND r.allocation_id IN ({_OF_FUND}) AND p.state = 'listed' AND p.batch_id = funds_paymentbatch.id
  AND s.person_key = p.account_recorded_by_key AND funds_paymentbatch.state = 'checked'
  AND s.id NOT IN (funds_paymentbatch.maker_id, funds_paymentbatch.checker_id)"""


def _part(where: str) -> str:
    return (
        "id = (SELECT max(i.id) FROM funds_instalment i JOIN funds_reservation r ON r.id = i.reservation_id"
        f" WHERE r.allocation_id IN ({_OF_FUND}) AND i.amount_fen > 1 AND i.checked_on IS NULL AND i.cancelled_on IS NULL"
        f" AND {where})"
    )


_PAYING = (
    "EXISTS (SELECT FROM funds_payment p WHERE p.reservation_id = i.reservation_id AND p.instalment = i.n"
    " AND p.state IN ('listed', 'sent', 'credited', 'unknown'))"
)
_ONE_PART_MORE = f"""
INSERT INTO funds_instalment (reservation_id, n, label, due_on, amount_fen, needs_check, check_note, cancel_reason)
SELECT r.id, 99, 'x', r.reserved_on, r.amount_fen + 1, false, '', '' FROM funds_reservation r
WHERE r.allocation_id IN ({_OF_FUND}) ORDER BY r.id DESC LIMIT 1"""
_UNPURPOSED = """
INSERT INTO funds_reservation (key, subject, allocation_id, village_id, programme, amount_fen, released_fen, reserved_on)
SELECT 'torture:unpurposed', 'case:0', l.id, v.id, l.programme, 1, 0, '2026-04-15'
FROM funds_fund f JOIN funds_allocation l ON l.fund_id = f.id, access_orgunit v
WHERE f.id = ANY (%(funds)s) AND cardinality(f.purposes) > 0 AND v.level = 'village' ORDER BY l.id, v.id LIMIT 1"""
_PROPOSAL = "id = (SELECT max(id) FROM funds_proposal WHERE fund_id = ANY (%(funds)s))"
_CONFIRM = (
    "UPDATE funds_proposal SET state = 'confirmed', decided_by_id = proposed_by_id, decided_on = proposed_on,"
    " decider_person_key = proposer_person_key"
)


def _closed(year: int, month: int, *, transfers: int = 0, closed_on: str = "2026-04-15") -> str:
    """A month in which nothing was written, closed by two persons."""
    key = f"torture:close:{year}-{month}"
    two = "(SELECT min(id) AS one, max(id) AS two FROM access_staff) s"
    return f"""
INSERT INTO funds_proposal (key, kind, unit_id, details, amount_fen, reason, document_no, state, answer, result,
                            proposed_by_id, proposer_person_key, proposed_on)
SELECT '{key}', 'close_period', f.unit_id, '{{}}', 0, 'x', '', 'proposed', '', '{{}}', s.one, o.person_key, '2026-04-15'
FROM funds_fund f, {two} JOIN access_staff o ON o.id = s.one WHERE f.id = (SELECT min(id) FROM unnest(%(funds)s) id);
UPDATE funds_proposal SET state = 'confirmed', decided_by_id = t.id, decider_person_key = t.person_key, decided_on = '2026-04-15'
FROM access_staff t WHERE t.id = (SELECT max(id) FROM access_staff) AND key = '{key}';
INSERT INTO funds_period (unit_id, year, month, proposal_id, closed_on, transfers, digest)
SELECT unit_id, {year}, {month}, id, '{closed_on}', {transfers}, encode(sha256('[]'), 'hex') FROM funds_proposal WHERE key = '{key}';
"""


_FLOATS = f"SELECT b.id FROM funds_imprestfloat b WHERE b.allocation_id IN ({_OF_FUND})"


def _of_float(table: str, where: str = "true") -> str:
    return f"id = (SELECT max(id) FROM funds_imprest{table} WHERE float_id IN ({_FLOATS}) AND {where})"


_CONFIRMED = (
    "EXISTS (SELECT 1 FROM funds_countersign c WHERE c.spend_id = funds_imprestspend.id AND c.answer = 'confirmed')"
)
_HANDED_OUT = (
    "float_id, subject, reservation_id, payee_name, payer_one_id, payer_one_key, payer_two_id, payer_two_key, paid_on, place,"
    " signed_how, received_by, receipt_sha256, due_on"
)
_AGAIN = f"""
INSERT INTO funds_imprestspend ({_HANDED_OUT}, settled_fen, back_fen, amount_fen)
SELECT {_HANDED_OUT}, 0, 0, amount_fen FROM funds_imprestspend WHERE id = (
  SELECT max(s.id) FROM funds_imprestspend s JOIN funds_imprestfloat b ON b.id = s.float_id WHERE s.settled_fen = s.amount_fen
    AND b.id IN ({_FLOATS}) AND b.ended_on IS NULL
    AND s.amount_fen <= funds_imprest_book(b.allocation_id, false) - funds_imprest_awaited(b.id))"""
_RECOVERY = (
    "id = (SELECT max(y.id) FROM funds_recovery y JOIN funds_reservation r ON r.id = y.reservation_id"
    f" WHERE r.allocation_id IN ({_OF_FUND}) AND y.owed_fen - y.recovered_fen - y.written_off_fen > 1)"
)

TAMPERINGS = (
    # the books
    Tampering("transfers alone", f"UPDATE funds_account SET credit_fen = credit_fen + 1 WHERE {_ACCOUNT}"),
    Tampering("never deleted", f"DELETE FROM funds_account WHERE {_ACCOUNT}"),
    Tampering("append-only", f"UPDATE funds_transfer SET amount_fen = amount_fen + 1 WHERE {_TRANSFER}"),
    Tampering("append-only", f"DELETE FROM funds_transfer WHERE {_TRANSFER}"),
    # ways of money
    Tampering("no settle from committed to paid", _insert("settle", "committed", "paid")),
    Tampering("no send from allocated", _insert("send", "allocated", "in_payment")),
    Tampering("no allocate from allocated", _insert("allocate", "allocated", "available")),
    Tampering(
        "crosses allocations",
        _insert(
            "send", "committed", "in_payment", joined="d.allocation_id <> c.allocation_id AND d.fund_id = c.fund_id"
        ),
    ),
    Tampering("crosses funds", _insert("allocate", "available", "allocated", joined="d.fund_id <> c.fund_id")),
    Tampering("moves money to no payment", _insert("send", "committed", "in_payment", more=_HELD)),
    Tampering("transfer_is_positive", _insert("receive", "source", "available", amount="-1", has="true")),
    Tampering("not confirmed by a second person", _insert("deallocate", "allocated", "available")),
    Tampering("not confirmed by a second person", _insert("hand_back", "available", "source")),
    Tampering("not confirmed by a second person", _MIRROR),
    Tampering("a_payment_moves_once", _TWICE),
    # reservations
    Tampering("is not for", _UNPURPOSED),
    Tampering(
        "would be overdrawn", _insert("release", "committed", "allocated", more="AND r.released_fen = r.amount_fen")
    ),
    Tampering("would hold more than was decided", _insert("reserve", "allocated", "committed", more=_WHOLE)),
    Tampering("not changed", f"UPDATE funds_reservation SET amount_fen = amount_fen + 1 WHERE {_reservation('true')}"),
    Tampering(
        "not held again", f"UPDATE funds_reservation SET released_fen = 0 WHERE {_reservation('released_fen > 0')}"
    ),
    Tampering(
        "released_at_most_once",
        f"UPDATE funds_reservation SET released_fen = amount_fen + 1 WHERE {_reservation('true')}",
    ),
    # payments
    Tampering("not changed", f"UPDATE funds_payment SET amount_fen = amount_fen + 1 WHERE {_payment('true')}"),
    Tampering("not changed", f"UPDATE funds_payment SET account_last4 = '0000' WHERE {_payment('true')}"),
    Tampering("does not go from", f"UPDATE funds_payment SET state = 'credited' WHERE {_payment(_LISTED)}"),
    Tampering("does not go from", f"UPDATE funds_payment SET state = 'sent' WHERE {_payment(_RETURNED)}"),
    Tampering("not in a released batch", f"UPDATE funds_payment SET state = 'sent' WHERE {_payment(_EARLY)}"),
    Tampering(
        "no money moved", f"UPDATE funds_payment SET state = 'credited' WHERE {_payment(f'{_SENT} AND {_BANK}')}"
    ),
    Tampering(
        "not handed over", f"UPDATE funds_payment SET state = 'credited' WHERE {_payment(f'{_SENT} AND NOT {_BANK}')}"
    ),
    Tampering("no money moved", f"UPDATE funds_payment SET state = 'sent' WHERE {_payment(_LATE)}"),
    Tampering("one_living_payment_an_instalment", _copy(f"{_LISTED} AND b.state = 'draft'")),
    Tampering(
        "not what was reserved", _copy(f"{_LISTED} AND {_DRAFT} AND NOT {_PLANNED}", instalment="99", amount="1")
    ),
    Tampering(
        "no instalment that may be paid", _copy(f"{_LISTED} AND {_DRAFT} AND {_ROOM}", instalment="99", amount="1")
    ),
    Tampering("does not begin", _copy("true", instalment="99", state="credited")),
    Tampering("does not begin", _copy("b.state <> 'draft'", instalment="99", amount="1")),
    # batches
    Tampering(
        "maker_is_not_checker",
        "UPDATE funds_paymentbatch SET state = 'checked', checker_id = maker_id, checker_person_key = maker_person_key,"
        f" checked_on = made_on WHERE {_batch(_DRAFT)}",
    ),
    Tampering("maker_is_not_releaser", _released_by("maker")),
    Tampering("checker_is_not_releaser", _released_by("checker")),
    Tampering("the releaser wrote down an account", _RELEASED_BY_RECORDER),
    Tampering(
        "does not go from",
        "UPDATE funds_paymentbatch SET state = 'draft', checker_id = NULL, checker_person_key = NULL, releaser_id = NULL,"
        f" releaser_person_key = NULL WHERE {_batch(_RELEASED)}",
    ),
    Tampering("batch_state_has_its_persons", f"UPDATE funds_paymentbatch SET state = 'checked' WHERE {_batch(_DRAFT)}"),
    Tampering("who acted on batch", f"UPDATE funds_paymentbatch SET made_on = made_on - 1 WHERE {_batch('true')}"),
    Tampering(
        "does not change from bank to cash", f"UPDATE funds_paymentbatch SET cash_reason = 'x' WHERE {_batch(_BANK)}"
    ),
    # parts
    Tampering("is not changed", f"UPDATE funds_instalment SET amount_fen = amount_fen + 1 WHERE {_part('true')}"),
    Tampering("is being paid", f"UPDATE funds_instalment SET amount_fen = 1 WHERE {_part(_PAYING)}"),
    Tampering("more than was decided", _ONE_PART_MORE),
    # proposals
    Tampering("is not changed", f"UPDATE funds_proposal SET amount_fen = amount_fen + 1 WHERE {_PROPOSAL}"),
    Tampering("proposer_is_not_confirmer", f"{_CONFIRM} WHERE {_PROPOSAL} AND state = 'proposed'"),
    Tampering(
        "is not changed", f"UPDATE funds_proposal SET state = 'withdrawn' WHERE {_PROPOSAL} AND state = 'confirmed'"
    ),
    # months
    Tampering("is closed", _closed(2026, 3) + _insert("receive", "source", "available", has="true", day="2026-03-10")),
    Tampering("another month comes before", _closed(2026, 3) + _closed(2026, 1)),
    Tampering("does not say what is written", _closed(2026, 3, transfers=1)),
    Tampering("has not ended", _closed(2026, 3, closed_on="2026-03-31")),
    Tampering("a closed month is not changed", _closed(2026, 3) + "UPDATE funds_period SET transfers = 1"),
    Tampering(
        "totals are written when their month is closed",
        _closed(2026, 3)
        + "INSERT INTO funds_periodtotal (period_id, account_id, opening_fen, debit_fen, credit_fen, closing_fen)"
        f" SELECT p.id, a.id, 0, 0, 1, 1 FROM funds_period p, funds_account a WHERE a.{_ACCOUNT}",
    ),
    # money in a township's hands
    Tampering(
        "would have more in hand than its limit",
        _insert(
            "imprest_advance",
            "allocated",
            "imprest",
            more="AND d.allocation_id NOT IN (SELECT allocation_id FROM funds_imprestfloat)",
        ),
    ),
    Tampering(
        "two persons did not decide this limit",
        f"UPDATE funds_imprestfloat SET limit_fen = limit_fen + 1 WHERE id = (SELECT max(id) FROM ({_FLOATS}"
        " AND ended_on IS NULL) b)",
    ),
    Tampering(
        "a float stays what it was opened for",
        f"UPDATE funds_imprestfloat SET opened_on = opened_on - 1 WHERE id = (SELECT max(id) FROM ({_FLOATS}) b)",
    ),
    Tampering(
        "what was handed out is not changed",
        f"UPDATE funds_imprestspend SET amount_fen = amount_fen + 1 WHERE {_of_float('spend')}",
    ),
    Tampering("what was handed out is not changed", f"DELETE FROM funds_imprestspend WHERE {_of_float('spend')}"),
    Tampering(
        "and its money differ",
        "UPDATE funds_imprestspend SET settled_fen = settled_fen + 1"
        f" WHERE {_of_float('spend', f'amount_fen - settled_fen - back_fen > 1 AND {_CONFIRMED}')}",
    ),
    Tampering(
        "has not confirmed what was handed out",
        "UPDATE funds_imprestspend SET settled_fen = settled_fen + 1"
        f" WHERE {_of_float('spend', f'amount_fen - settled_fen - back_fen > 1 AND settled_fen = 0 AND NOT {_CONFIRMED}')}"
        " AND NOT EXISTS (SELECT 1 FROM funds_recovery y WHERE y.reservation_id = funds_imprestspend.reservation_id)",
    ),
    Tampering(
        "what a second person answered stays",
        f"UPDATE funds_countersign SET answer = 'objected', words = 'x' WHERE spend_id IS NOT NULL AND answer = 'confirmed'"
        f" AND spend_id IN (SELECT id FROM funds_imprestspend WHERE float_id IN ({_FLOATS}))",
    ),
    Tampering(
        "whom she named",
        "UPDATE funds_countersign c SET answer = 'objected', words = 'x', answered_by_id = s.payer_one_id,"
        " answered_person_key = s.payer_one_key, answered_on = c.asked_on FROM funds_imprestspend s"
        f" WHERE s.id = c.spend_id AND c.answer = '' AND s.float_id IN ({_FLOATS})",
    ),
    Tampering(
        "the float of allocation",
        f"INSERT INTO funds_imprestspend ({_HANDED_OUT}, settled_fen, back_fen, amount_fen) SELECT {_HANDED_OUT}, 0, 0, amount_fen + 1"
        f" FROM funds_imprestspend WHERE {_of_float('spend', 'ended_on IS NULL')}",
    ),
    Tampering("was handed out already", _AGAIN),
    Tampering(
        "and its money differ",
        _insert("imprest_spend", "imprest", "imprest_spent", more="AND r.id IS NOT NULL"),
    ),
    Tampering(
        "is not the sum of what was settled",
        "INSERT INTO funds_imprestrefill (key, float_id, amount_fen, asked_on, asked_by_id, asker_person_key, bank_reference)"
        " SELECT 'torture:refill', id, 1, opened_on, custodian_id, custodian_person_key, '' FROM funds_imprestfloat"
        f" WHERE id = (SELECT max(id) FROM ({_FLOATS}) b)",
    ),
    Tampering(
        "a refill is not changed",
        f"UPDATE funds_imprestrefill SET amount_fen = amount_fen + 1 WHERE {_of_float('refill')}",
    ),
    Tampering(
        "asker_is_not_refiller",
        "UPDATE funds_imprestrefill SET paid_on = asked_on, paid_by_id = asked_by_id, payer_person_key = asker_person_key"
        f" WHERE {_of_float('refill', 'paid_on IS NULL')}",
    ),
    Tampering(
        "does not stand beside the books",
        "INSERT INTO funds_imprestcount (key, float_id, counted_on, cash_fen, bank_fen, book_fen, awaited_fen, explanation,"
        " counter_id, counter_person_key) SELECT 'torture:count', id, opened_on, 0, 0, -1, 0, '', custodian_id,"
        f" custodian_person_key FROM funds_imprestfloat WHERE id = (SELECT max(id) FROM ({_FLOATS}) b)",
    ),
    Tampering(
        "what was counted is not changed",
        f"UPDATE funds_imprestcount SET cash_fen = cash_fen + 1 WHERE {_of_float('count')}",
    ),
    # asked back
    Tampering("and its money differ", f"UPDATE funds_recovery SET recovered_fen = recovered_fen + 1 WHERE {_RECOVERY}"),
    Tampering(
        "is not changed like this",
        f"UPDATE funds_recovery SET written_off_fen = written_off_fen + 1 WHERE {_RECOVERY}",
    ),
    # purposes
    Tampering("keeps its purpose", "UPDATE funds_fund SET source = 'raised' WHERE id = ANY (%(funds)s)"),
    Tampering(
        "keeps its purpose",
        "UPDATE funds_allocation SET year = 2027 WHERE parent_id IS NULL AND fund_id = ANY (%(funds)s)",
    ),
)
