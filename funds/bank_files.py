"""A bank's answer: judged beside what we sent, and posted whole or not at all after somebody has looked at it.

    judged = judge(file, "HFNS", by=cashier)                    # changes nothing
    post(judged, by=cashier, filename=…, sha256=…, accepted={42})

What a payment is for knows the layer above; it says how its payments are answered:

    @posts_for("case")
    def post_cases(said: list[Said], *, by, key) -> Mapping[int, str]: ...
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import Any, BinaryIO, Protocol

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Upper
from django.utils.translation import gettext as _

from access.roles import Ability
from access.scope import scope
from access.vault import blind_index
from audit import clock
from audit.bulk import copy_rows, next_ids
from audit.context import acting
from funds import bank_tasks, duties
from funds.bank_formats import understood
from funds.banking.errors import AlreadyPosted, AnswerNotSound, NobodyPosts, NothingOfOurs, WordsUnknown
from funds.banking.formats import AnswerFormat
from funds.banking.headings import Layout
from funds.banking.matching import MATCHED, PROBABLE, RECORDED, RESULTS, Matching, SentPayment, Verdict
from funds.banking.reading import AnswerLine, Finding, read
from funds.banking.reasons import CREDITED, FAILED, OTHER, RETURNED, STORED_WORDS, UNCLEAR
from funds.banking.values import folded
from funds.models import BankFile, BankLine, Payment, PaymentBatch, Transfer

AT_ONCE = 5_000
_LOCK = 20260428  # of an advisory lock
Tell = Callable[[int, int], None]  # done, of how many (0: not known yet)


@dataclass(frozen=True, slots=True)
class Said:
    """What one line says of one payment. `reason` is stored as it stands; `was` is what an earlier answer said."""

    line: int
    payment_id: int
    subject: str
    outcome: str
    was: str
    reason: str
    reference: str
    day: date


class Poster(Protocol):
    """Records what the bank said of payments; returns {line: why it could not be, in words} for what only a person can mend.

    Any other refusal is raised, and nothing of the whole file is posted.
    """

    def __call__(self, said: list[Said], *, by: Any, key: str) -> Mapping[int, str]: ...


_posters: dict[str, Poster] = {}


def posts_for(prefix: str) -> Callable[[Poster], Poster]:
    """Register who answers for payments whose subject begins so ("case" for case:17)."""

    def register(poster: Poster) -> Poster:
        _posters[prefix] = poster
        return poster

    return register


@dataclass
class Judged:
    """A whole answer beside what we sent. Nothing has happened yet."""

    bank: str
    form: AnswerFormat
    layout: Layout
    verdicts: list[Verdict]
    findings: list[Finding]
    unknown_words: dict[str, int]  # {status that nobody has listed: lines}
    no_answer: list[SentPayment]
    batches: list[int]  # of which this file speaks
    references: dict[str, str] = field(default_factory=dict)  # {bank reference posted before: our serial}
    counts: Counter[str] = field(default_factory=Counter)  # by result
    sums_fen: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)  # by result:reason

    @property
    def count(self) -> int:
        return len(self.verdicts)

    @property
    def total_fen(self) -> int:
        return self.sums_fen.total()

    @property
    def is_ours(self) -> bool:
        """Whether any line speaks of a payment that we sent."""
        return bool(self.batches)

    @property
    def may_be_posted(self) -> bool:
        return self.is_ours and not self.findings and not self.unknown_words

    @property
    def fingerprint(self) -> str:
        """Differs as soon as any line would be posted in another way."""
        rows: list[Any] = [
            [v.line.line, v.column, v.result, v.reason, v.payment.key if v.payment else 0, v.line.outcome,
             v.line.amount_fen, v.line.reference, str(v.line.day)]
            for v in self.verdicts
        ]  # fmt: skip
        rows.append(sorted(str(payment.key) for payment in self.no_answer))
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def to_decide(self) -> list[Verdict]:
        """Probable lines that a person may accept: what they say could be posted, and nothing else says it."""
        spoken = {v.payment.key for v in self.verdicts if v.payment and v.column == MATCHED}
        names = Counter(v.payment.key for v in self.verdicts if v.payment and v.column == PROBABLE)
        return [
            v for v in self.verdicts
            if v.column == PROBABLE and v.payment and names[v.payment.key] == 1 and v.payment.key not in spoken
            and _follows(v.payment.answered, v.line.outcome)
            and self.references.get(v.line.reference, folded(v.payment.serial)) == folded(v.payment.serial)
        ]  # fmt: skip


def _follows(before: str, outcome: str) -> bool:
    return (not before and outcome in RESULTS) or (before, outcome) == (CREDITED, RETURNED)


# ---------------------------------------------------------------- judging


def judge(source: BinaryIO, bank: str, *, by: Any = None, tell: Tell | None = None) -> Judged:
    """Read a bank's answer and lay it beside what that bank was sent from where `by` works with money. Writes nothing.

    Payments of elsewhere count as not sent by us; without `by`, from the console, no place is elsewhere.

    Raises an AnswerRefused for what is no answer of a bank, HeadingsUnknown where a person has to help first.
    """
    form, _layout, columns = understood(source, bank, clock.today())
    answer = read(source, form, columns)
    lines = []
    for n, line in enumerate(answer, 1):
        lines.append(line)
        if tell is not None:
            tell(n, 0)
    sent = _sent_to(bank, lines, by)
    references = dict(_references(bank, lines))
    matching = Matching(
        (payment for payment, _batch in sent.values()),
        index_of=_index_of,
        references=references,
        is_reference_per_line=form.is_reference_per_line,
        bank=bank,
        today=clock.today(),
    )
    verdicts = sorted(matching.verdicts(lines), key=lambda verdict: verdict.line.line)
    spoken_of = {sent[v.payment.key][1] for v in verdicts if v.payment}
    judged = Judged(
        bank,
        form,
        answer.layout,
        verdicts,
        answer.findings,
        dict(answer.unknown_statuses),
        [payment for payment in matching.no_answer() if sent[payment.key][1] in spoken_of],
        sorted(spoken_of),
        references,
    )
    for verdict in verdicts:
        judged.counts[verdict.result] += 1
        judged.sums_fen[verdict.result] += verdict.line.amount_fen or 0
        if verdict.reason:
            judged.reasons[f"{verdict.result}:{verdict.reason}"] += 1
    return judged


def _index_of(account: str) -> str:
    return blind_index("account", account)


def with_bank(bank: str, by: Any = None) -> QuerySet[Payment]:
    """Payments that this bank may speak of: of released batches whose list went to it, or was made outside of here; with
    `by` those of the places whose money this person works with."""
    lists = BankFile.objects.filter(batch=OuterRef("pk"), kind=BankFile.Kind.LIST)
    batches = PaymentBatch.objects.filter(
        ~Exists(lists) | Exists(lists.filter(bank=bank)), state=PaymentBatch.State.RELEASED, cash_reason__isnull=True
    )
    payments = Payment.objects.filter(batch__in=batches)
    return payments if by is None else payments.filter(_worked_by(by))


def _worked_by(by: Any) -> Q:
    condition = Q(pk__in=())
    for level, units in scope(by, Ability.FUND_WORK).units.items():
        if level != "group":
            condition |= Q(**{f"reservation__village__{level}_id__in": units})
    return condition


def _sent_to(bank: str, lines: list[AnswerLine], by: Any) -> dict[int | str, tuple[SentPayment, int]]:
    """{payment id: (payment, batch)} of all that wait for an answer, and of those answered before that the file names."""
    payments = with_bank(bank, by).order_by("id")
    found = dict(_facts(payments.filter(state__in=(Payment.State.SENT, Payment.State.UNKNOWN)), {}))
    waiting = {folded(payment.serial) for payment, _batch in found.values()}
    named = {line.serial for line in lines if line.serial} - waiting
    answered = payments.annotate(serial=Upper("key")).filter(state__in=(Payment.State.CREDITED, Payment.State.RETURNED))
    for serials in _in_pieces(named):
        rows = answered.filter(serial__in=serials)
        taken_back = Transfer.objects.filter(payment__in=rows, kind=Transfer.Kind.CLAWBACK, reverses__isnull=True)
        states = {Payment.State.CREDITED: CREDITED, Payment.State.RETURNED: FAILED}
        found |= _facts(rows, states, set(taken_back.values_list("payment_id", flat=True)), _told_of(rows))
    return found


def _facts(
    rows: QuerySet[Payment],
    states: Mapping[str, str],
    taken_back: Iterable[int] = (),
    told: Mapping[int, set[tuple[str, str, str]]] | None = None,
) -> Iterator[tuple[int, tuple[SentPayment, int]]]:
    told = told or {}
    columns = ("pk", "key", "account_index", "payee_name", "amount_fen", "state", "batch_id", "sent_on")
    for pk, key, index, name, fen, state, batch, sent_on in rows.values_list(*columns).iterator(chunk_size=AT_ONCE):
        answered = RETURNED if pk in taken_back else states.get(state, "")
        yield pk, (SentPayment(key, index, name, fen, answered, pk, sent_on, frozenset(told.get(pk, ()))), batch)


def _told_of(payments: QuerySet[Payment]) -> dict[int, set[tuple[str, str, str]]]:
    """{payment id: {(outcome, bank, its reference)}} of the lines that moved it, repeated that, or told of a second payment."""
    lines = BankLine.objects.filter(
        Q(posted=True) | Q(result=RECORDED) | Q(cause__in=("duplicate_line", "paid_again")), payment__in=payments
    )
    found: dict[int, set[tuple[str, str, str]]] = {}
    for pk, *said in lines.values_list("payment_id", "outcome", "bank", "bank_reference"):
        found.setdefault(pk, set()).add(tuple(said))
    return found


def _references(bank: str, lines: list[AnswerLine]) -> Iterator[tuple[str, str]]:
    """(bank reference, our serial) of what was posted before and is named again."""
    known = BankLine.objects.filter(bank=bank, owns_reference=True)
    for references in _in_pieces({line.reference for line in lines if line.reference}):
        rows = known.filter(bank_reference__in=references).values_list("bank_reference", "payment__key")
        yield from ((reference, folded(serial)) for reference, serial in rows)


def _in_pieces(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rows = list(rows)
    return (rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE))


@dataclass(frozen=True)
class Side:
    """One side of the three-way match: what was approved, what the bank's list said, for the batches of an answer."""

    count: int
    total_fen: int


def approved(batches: Iterable[int]) -> Side:
    sums = (
        Payment.objects.filter(batch__in=list(batches))
        .exclude(state=Payment.State.CANCELLED)
        .aggregate(n=Count("id"), fen=Sum("amount_fen"))
    )
    return Side(sums["n"], sums["fen"] or 0)


def listed(batches: Iterable[int]) -> Side | None:
    """The last list of each batch; None where one of them was made outside of here."""
    last = {
        file.batch_id: file for file in BankFile.objects.filter(batch__in=list(batches), kind="list").order_by("id")
    }
    if set(last) != set(batches):
        return None
    return Side(sum(file.count for file in last.values()), sum(file.total_fen for file in last.values()))


# ---------------------------------------------------------------- posting


def refuse_what_was_posted(sha256: str) -> None:
    """Raises AlreadyPosted when these very bytes were posted, under whatever name."""
    known = BankFile.objects.select_related("made_by").filter(sha256=sha256).first()
    if known is not None:
        raise AlreadyPosted(day=known.made_on, who=known.made_by or _("系统"), name=known.filename)


def one_at_a_time() -> None:
    """Until the end of the transaction nobody else posts an answer: a batch may be answered by more than one bank."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


@transaction.atomic
def post(
    judged: Judged, *, by: Any, filename: str, sha256: str, accepted: Iterable[int] = (), tell: Tell | None = None
) -> BankFile:
    """Post a whole answer: payments, file, lines and what is left to do; or, on any refusal, nothing at all.

    `accepted` are the lines among `to_decide()` that a person has agreed to. Call `one_at_a_time` before judging, so that
    two answers do not pass each other. Raises NotYours, AlreadyPosted, AnswerNotSound, WordsUnknown, NothingOfOurs, and whatever the
    posting of a payment is refused with.
    """
    duties.demand_somewhere(by, "answer")
    if judged.findings:
        raise AnswerNotSound(judged.findings)
    if judged.unknown_words:
        raise WordsUnknown(words="、".join(judged.unknown_words))
    if not judged.is_ours:
        raise NothingOfOurs
    one_at_a_time()
    refuse_what_was_posted(sha256)
    to_decide = {verdict.line.line for verdict in judged.to_decide()}
    yes = to_decide.intersection(accepted)
    with acting(by, reason="bank_answer"):
        file = BankFile.objects.create(
            kind=BankFile.Kind.ANSWER,
            bank=judged.bank,
            format_version=judged.form.version,
            sha256=sha256,
            filename=filename[:120],
            count=judged.count,
            total_fen=judged.total_fen,
            counts=judged.counts,
            sums_fen=judged.sums_fen,
            reasons=judged.reasons,
            made_on=clock.today(),
            made_by=by,
        )
    said = list(_what_it_says(judged, yes))
    late = _hand_on(said, by=by, key=f"bankfile:{file.pk}")
    with acting(by, reason="bank_answer"):
        posted = {one.line for one in said if one.outcome != UNCLEAR} - set(late)
        _write_lines(judged, file, posted=posted, yes=yes, to_decide=to_decide, tell=tell)
        bank_tasks.settle_answered(file, [one.payment_id for one in said if one.line in posted], by=by)
        bank_tasks.open_for(file, judged.verdicts, judged.no_answer, posted=posted, late=late)
    return file


def _what_it_says(judged: Judged, yes: set[int]) -> Iterator[Said]:
    """One for each line that moves a payment, or tells that the bank cannot say what became of it."""
    subjects = dict(
        Payment.objects.filter(batch__in=judged.batches).values_list("pk", "subject").iterator(chunk_size=AT_ONCE)
    )
    earlier: dict[Any, str] = {}
    moved = {v.payment.key for v in judged.verdicts if v.payment and (v.column == MATCHED or v.line.line in yes)}
    today = clock.today()
    for verdict in judged.verdicts:
        line, payment = verdict.line, verdict.payment
        if payment is None:
            continue
        was = earlier.get(payment.key, payment.answered)
        outcome = line.outcome
        if verdict.result not in RESULTS.values() and line.line not in yes:
            is_sure = verdict.reason == "unclear_answer" and line.serial == folded(payment.serial)
            if not is_sure or was or payment.key in moved:
                continue
            moved.add(payment.key)  # said once is enough
        earlier[payment.key] = outcome
        yield Said(
            line.line, int(payment.key), subjects[payment.key], outcome, was, _reason(line), line.reference[:60],
            line.day or today,
        )  # fmt: skip


def _reason(line: AnswerLine) -> str:
    """The listed reason and the bank's own words, as the record holds them."""
    words = line.words or line.status
    if line.outcome == CREDITED:
        return ""
    if line.outcome == UNCLEAR:
        return words
    label = STORED_WORDS[line.reason or OTHER]
    return f"{label}：{words}" if words and words != label else label


def _hand_on(said: list[Said], *, by: Any, key: str) -> dict[int, str]:
    late: dict[int, str] = {}
    for prefix, group in groupby(sorted(said, key=_prefix), _prefix):
        poster = _posters.get(prefix)
        if poster is None:
            raise NobodyPosts(subject=prefix)
        late |= poster(list(group), by=by, key=key)
    return late


def _prefix(one: Said) -> str:
    return one.subject.partition(":")[0]


_COLUMNS = (
    "id", "file_id", "n", "bank", "serial", "bank_reference", "owns_reference", "account_last4", "account_index", "name",
    "amount_fen", "outcome", "reason_code", "words", "happened_on", "verdict", "result", "cause", "payment_id", "accepted",
    "posted",
)  # fmt: skip


def _write_lines(
    judged: Judged, file: BankFile, *, posted: set[int], yes: set[int], to_decide: set[int], tell: Tell | None
) -> None:
    owned = dict(judged.references)  # {bank reference: our serial}

    def owns(verdict: Verdict) -> bool:
        """A bank may tell of a payment twice under one reference, credited and come back; the first line owns it."""
        line = verdict.line
        if line.line not in posted or not line.reference or not judged.form.is_reference_per_line:
            return False
        assert verdict.payment is not None
        serial = folded(verdict.payment.serial)
        return owned.setdefault(line.reference, serial) == serial and _first(line.reference)

    def _first(reference: str) -> bool:
        if reference in judged.references or reference in told:
            return False
        told.add(reference)
        return True

    told: set[str] = set()
    done = 0
    for some in _in_pieces(judged.verdicts):
        ids = next_ids(BankLine, len(some))
        copy_rows(BankLine, _COLUMNS, [
            (
                pk, file.pk, v.line.line, file.bank, v.line.serial, v.line.reference, owns(v), v.line.account[-4:],
                _index_of(v.line.account) if v.line.account and "*" not in v.line.account else "", v.line.name,
                v.line.amount_fen, v.line.outcome, v.line.reason, _words(v.line), v.line.day, v.column, v.result,
                "" if v.column == MATCHED else v.reason, v.payment.key if v.payment else None,
                v.line.line in yes if v.line.line in to_decide else None, v.line.line in posted,
            )
            for pk, v in zip(ids, some, strict=True)
        ])  # fmt: skip
        done += len(some)
        if tell is not None:
            tell(done, judged.count)


def _words(line: AnswerLine) -> str:
    return " ".join(filter(None, (line.status, line.words)))
