"""Lays the bank's answer beside what we sent: matched, probable, or unmatched, each with its reason.

A payment is known by our serial, and account and amount must agree with it. A name may have lost rare characters at the
bank; any other difference is for a person to judge. Name and amount alone match nothing: two neighbours of one name
may well get the same sum.

Source: the desk's rule of the three-way match (approved list, bank file, bank answer); nothing here posts anything.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from funds.banking.reading import AnswerLine
from funds.banking.reasons import CREDITED, FAILED, RETURNED, UNCLEAR
from funds.banking.values import folded
from funds.money import yuan

MATCHED: Final = "matched"
PROBABLE: Final = "probable"
UNMATCHED: Final = "unmatched"

# Results of a matched line.
SUCCESS: Final = "matched_success"
NOT_PAID: Final = "matched_failed"
CAME_BACK: Final = "matched_returned"
RECORDED: Final = "already_recorded"
EXCEPTION: Final = "exception"  # of all others
RESULTS = {CREDITED: SUCCESS, FAILED: NOT_PAID, RETURNED: CAME_BACK}

LOST = re.compile(r"[?？\ufffd□〓]+")  # what stands where the bank had no character

WORDS = {
    SUCCESS: gettext_lazy("流水号、账号、金额一致，已入账"),
    NOT_PAID: gettext_lazy("流水号、账号、金额一致，银行没有付出"),
    CAME_BACK: gettext_lazy("流水号、账号、金额一致，入账后退票"),
    RECORDED: gettext_lazy("这笔的结果以前已登记，不再重复登记"),
    "name_differs": gettext_lazy("流水号、账号、金额一致，但户名不同。请核对后决定"),
    "account_masked": gettext_lazy("流水号和金额一致，但银行遮住了账号。请核对后决定"),
    "serial_unknown": gettext_lazy("流水号缺少或认不出，但账号和金额只对得上这一笔。请核对后决定"),
    "unreadable": gettext_lazy("这一行有读不出的内容。请向银行核实"),
    "not_sent_by_us": gettext_lazy("不是我们发出的，流水号查无此笔。请向银行核实"),
    "account_mismatch": gettext_lazy("流水号对得上，但账号不同。请向银行核实付到了哪里"),
    "amount_mismatch": gettext_lazy("金额与发出的不同。请向银行核实"),
    "duplicate_line": gettext_lazy("与前面一行是同一笔、同样结果。请向银行核实是否付了两次"),
    "paid_again": gettext_lazy(
        "这笔以前登记过，银行又用另一个流水号说了一次，可能付了两次。请问银行；真付了两次的，把多付的追回来"
    ),
    "wrong_day": gettext_lazy("日期不对，早于交银行的那天或晚于今天。请向银行核实"),
    "contradicts": gettext_lazy("与这笔已有的结果相反。请向银行核实以哪个为准"),
    "reference_used": gettext_lazy("这个银行流水号已用在另一笔上。请向银行核实"),
    "unclear_answer": gettext_lazy("银行还没有给出明确结果，或用了没有登记的字样。查明之前不会重发"),
}


@dataclass(frozen=True, slots=True)
class SentPayment:
    """A payment that went to the bank. `account` is the number, or its keyed index where `index_of` makes one.

    `answered` is what an earlier answer said (credited, failed, returned), "" where none has come yet. `told` are the lines
    that said so, or said it again: {(outcome, bank, its reference)}; none where somebody wrote the answer down by hand.
    """

    serial: str
    account: str
    name: str
    amount_fen: int
    answered: str = ""
    key: int | str = ""
    sent_on: date | None = None
    told: frozenset[tuple[str, str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one line of the answer is. `reason` is the bank's reason of a matched line, else why it did not match."""

    line: AnswerLine
    column: str
    result: str
    reason: str = ""
    payment: SentPayment | None = None
    duplicate_of: int = 0
    is_same_reference: bool = False

    @property
    def words(self) -> str:
        """Why the line stands in its column, for people."""
        words = str(WORDS[self.result if self.column == MATCHED else self.reason])
        if self.reason == "duplicate_line":
            same = _("银行流水号相同") if self.is_same_reference else _("银行流水号不同")
            return _("%(words)s（第 %(line)s 行，%(same)s）") % {
                "words": words,
                "line": self.duplicate_of,
                "same": same,
            }
        if self.reason == "amount_mismatch" and self.payment and self.line.amount_fen is not None:
            amounts = {"sent": yuan(self.payment.amount_fen), "found": yuan(self.line.amount_fen)}
            return _("%(words)s（发出 %(sent)s 元，银行 %(found)s 元）") % {"words": words, **amounts}
        if self.reason == "wrong_day" and self.payment:
            days = {"sent": self.payment.sent_on, "said": self.line.day}
            return _("%(words)s（%(sent)s 交银行，回单写 %(said)s）") % {"words": words, **days}
        if self.reason == "account_mismatch" and not self.line.account:
            return _("流水号对得上，但这一行没有账号。请向银行核实付到了哪里")
        if self.reason == "unreadable":
            return "；".join((words, *(finding.words for finding in self.line.findings)))
        return words


_Answered = tuple[int, str, str]


class Matching:
    """One file's answer against what we sent.

    `sent` are the payments that this bank may answer for, `index_of` turns the account of a line into what
    `SentPayment.account` holds, `references` is {bank reference recorded before: our serial}. `bank` is whose file it is,
    `today` the last day that it may tell of.
    """

    def __init__(
        self,
        sent: Iterable[SentPayment],
        *,
        index_of: Callable[[str], str] = str,
        references: Mapping[str, str] | None = None,
        is_reference_per_line: bool = True,
        bank: str = "",
        today: date = date.max,
    ) -> None:
        self.sent = {folded(payment.serial): payment for payment in sent}
        self.index_of = index_of
        self.references = {
            reference: folded(serial) for reference, serial in (references or {}).items() if is_reference_per_line
        }
        self.keeps_references = is_reference_per_line
        self.bank, self.today = bank, today
        self.counts: Counter[str] = Counter()  # of verdicts, by column
        # {serial: (row, outcome, bank reference)} of the line that answered first, and of one that told of a return.
        self._answers: dict[str, _Answered] = {}
        self._came_back: dict[str, _Answered] = {}
        self._paid_again: set[str] = set()  # serials that are credited under more than one reference
        self._spoken_of: set[str] = set()  # serials that some line named, right or wrong

    def verdicts(self, lines: Iterable[AnswerLine]) -> Iterator[Verdict]:
        """A verdict for every line. Lines whose serial we do not know come last, when it is plain who is still open."""
        leftover = []
        for line in lines:
            payment = self.sent.get(line.serial)
            if payment is None:
                leftover.append(line)
            else:
                yield self._counted(self._known(line, payment))
        open_payments = self._open_by_account() if leftover else {}
        for line in leftover:
            yield self._counted(self._unknown(line, open_payments))

    def no_answer(self) -> list[SentPayment]:
        """Payments of which neither this file nor an earlier one says anything; whole after the last verdict."""
        return [payment for payment in self._open() if folded(payment.serial) not in self._spoken_of]

    def _open(self) -> Iterator[SentPayment]:
        return (one for serial, one in self.sent.items() if not one.answered and serial not in self._answers)

    def _counted(self, verdict: Verdict) -> Verdict:
        self.counts[verdict.column] += 1
        if verdict.payment and verdict.column != MATCHED:
            self._spoken_of.add(folded(verdict.payment.serial))
        return verdict

    def _known(self, line: AnswerLine, payment: SentPayment) -> Verdict:
        if line.findings:
            return Verdict(line, UNMATCHED, EXCEPTION, "unreadable", payment)
        if self._is_impossible(line.day, payment):
            return Verdict(line, UNMATCHED, EXCEPTION, "wrong_day", payment)
        if line.account and "*" in line.account:
            reason = "account_masked" if line.amount_fen == payment.amount_fen else "amount_mismatch"
            return Verdict(line, PROBABLE if reason == "account_masked" else UNMATCHED, EXCEPTION, reason, payment)
        if not line.account or self.index_of(line.account) != payment.account:
            return Verdict(line, UNMATCHED, EXCEPTION, "account_mismatch", payment)
        if line.amount_fen != payment.amount_fen:
            return Verdict(line, UNMATCHED, EXCEPTION, "amount_mismatch", payment)
        if line.outcome == UNCLEAR:
            return Verdict(line, UNMATCHED, EXCEPTION, "unclear_answer", payment)
        if line.reference and self.references.get(line.reference, line.serial) != line.serial:
            return Verdict(line, UNMATCHED, EXCEPTION, "reference_used", payment)
        return self._beside_earlier(line, payment)

    def _is_impossible(self, day: date | None, payment: SentPayment) -> bool:
        return day is not None and (day > self.today or (payment.sent_on is not None and day < payment.sent_on))

    def _beside_earlier(self, line: AnswerLine, payment: SentPayment) -> Verdict:
        """The line agrees with its payment: is it the first to say so?"""
        first = self._came_back.get(line.serial) or self._answers.get(line.serial)
        if first and first[1] == line.outcome:
            if line.outcome == CREDITED and line.reference != first[2]:
                self._paid_again.add(line.serial)
            return _duplicate(line, payment, first)
        told = payment.told if self.keeps_references else {(outcome, bank, "") for outcome, bank, _own in payment.told}
        if (line.outcome, self.bank, line.reference if self.keeps_references else "") in told:
            return Verdict(line, MATCHED, RECORDED, line.reason, payment)
        before = first[1] if first else payment.answered
        paid = [one for one in told if one[0] == CREDITED]
        if before == line.outcome == CREDITED and paid:
            self._paid_again.add(line.serial)
            return Verdict(line, UNMATCHED, EXCEPTION, "paid_again", payment)
        if before == line.outcome:
            return Verdict(line, MATCHED, RECORDED, line.reason, payment)
        # Of two credits only the bank can say which one came back.
        if line.outcome == RETURNED and before == CREDITED and (len(paid) > 1 or line.serial in self._paid_again):
            return Verdict(line, UNMATCHED, EXCEPTION, "paid_again", payment)
        # A payment that came back was first credited; a bank may tell both.
        if before and (before, line.outcome) != (CREDITED, RETURNED):
            return Verdict(line, UNMATCHED, EXCEPTION, "contradicts", payment)
        (self._came_back if before else self._answers)[line.serial] = line.line, line.outcome, line.reference
        if line.name and not same_name(line.name, payment.name):
            return Verdict(line, PROBABLE, EXCEPTION, "name_differs", payment)
        if line.reference and self.keeps_references:
            self.references[line.reference] = line.serial
        return Verdict(line, MATCHED, RESULTS[line.outcome], line.reason, payment)

    def _open_by_account(self) -> dict[tuple[str, int], list[SentPayment]]:
        found: dict[tuple[str, int], list[SentPayment]] = {}
        for payment in self._open():
            found.setdefault((payment.account, payment.amount_fen), []).append(payment)
        return found

    def _unknown(self, line: AnswerLine, open_payments: Mapping[tuple[str, int], list[SentPayment]]) -> Verdict:
        """The serial is missing or none of ours: account and amount may still say whom a person should look at."""
        candidates: list[SentPayment] = []
        if line.account and line.amount_fen is not None and "*" not in line.account:
            candidates = open_payments.get((self.index_of(line.account), line.amount_fen), [])
        if len(candidates) != 1:
            return Verdict(line, UNMATCHED, EXCEPTION, "unreadable" if line.findings else "not_sent_by_us")
        payment = candidates[0]
        if self._is_impossible(line.day, payment):
            return Verdict(line, UNMATCHED, EXCEPTION, "wrong_day", payment)
        if line.outcome == UNCLEAR:
            return Verdict(line, UNMATCHED, EXCEPTION, "unclear_answer", payment)
        first = self._answers.setdefault(folded(payment.serial), (line.line, line.outcome, line.reference))
        if first[0] != line.line:
            return _duplicate(line, payment, first)
        return Verdict(line, PROBABLE, EXCEPTION, "serial_unknown", payment)


def _duplicate(line: AnswerLine, payment: SentPayment, first: _Answered) -> Verdict:
    is_same = bool(line.reference) and first[2] == line.reference
    return Verdict(line, UNMATCHED, EXCEPTION, "duplicate_line", payment, first[0], is_same)


def same_name(theirs: str, ours: str) -> bool:
    """Whether both are one name. A `?` of the bank stands for characters that its old system may lack, and only for those."""
    if theirs == ours:
        return True
    theirs, ours = _plain(theirs), _plain(ours)
    if theirs == ours:
        return True
    kept = LOST.split(theirs)
    if len(kept) == 1 or not any(kept):
        return False
    # One `?` a character, or one a byte: a rare one takes up to four.
    expression = re.escape(kept[0])
    for marks, rest in zip(LOST.findall(theirs), kept[1:], strict=True):
        expression += f"(.{{1,{len(marks)}}})" + re.escape(rest)
    found = re.fullmatch(expression, ours)
    return bool(found) and all(map(_may_be_lost, "".join(found.groups())))


def _plain(name: str) -> str:
    return folded(name.replace("？", "?")).replace(".", "·").replace("•", "·").replace("‧", "·").replace("・", "·")


def _may_be_lost(character: str) -> bool:
    """Whether a system with the 6,763 characters of GB 2312 lacks it; the dot of a name is written in too many ways."""
    if character == "·":
        return True
    try:
        unicodedata.normalize("NFKC", character).encode("gb2312")
    except UnicodeEncodeError:
        return True
    return False
