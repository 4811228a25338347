"""The three-way match against the demo banks' answers, line by line, and the rules one by one."""

import csv
import dataclasses
import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from funds.banking.matching import MATCHED, PROBABLE, UNMATCHED, Matching, SentPayment, Verdict, same_name
from funds.banking.reading import AnswerLine, Finding, read
from tests.funds.banking.files import answer_format

DEMO = Path(__file__).parents[3] / "demo"
EXPECTED = json.loads((DEMO / "bank-return.expected.json").read_text("utf-8"))["files"]
FORMATS = {"bank-return-a.csv": "HFNS", "bank-return-b.xlsx": "QHCZ"}


def sent_of(batch_no: str) -> list[SentPayment]:
    with (DEMO / "payment-roster.csv").open(encoding="utf-8-sig") as roster:
        return [
            SentPayment(row["serial_no"], row["account_no"], row["payee_name"], round(float(row["amount_yuan"]) * 100))
            for row in csv.DictReader(roster)
            if row["batch_no"] == batch_no
        ]


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda one: one["file"])
def test_the_answers_of_both_banks_match_as_expected_line_by_line(expected: dict[str, Any]) -> None:
    with (DEMO / expected["file"]).open("rb") as file:
        answer = read(file, answer_format(FORMATS[expected["file"]]))
        matching = Matching(sent_of(expected["batch_no"]))
        verdicts = sorted(matching.verdicts(answer), key=lambda one: one.line.line)

    assert [_as_expected(one) for one in verdicts] == [
        {key: value for key, value in one.items() if key != "note"} for one in expected["detail"]
    ]
    assert [payment.serial for payment in matching.no_answer()] == expected["no_answer"]
    assert answer.findings == []
    assert answer.count == expected["lines"]
    assert answer.layout.line == expected["header_row"]


def _as_expected(verdict: Verdict) -> dict[str, Any]:
    line = verdict.line
    assert line.amount_fen is not None
    found: dict[str, Any] = {
        "line": line.line,
        "serial_no": line.serial,
        "amount_yuan": line.amount_fen // 100,
        "result": verdict.result,
    }
    if verdict.reason:
        found["reason"] = verdict.reason
    if verdict.reason == "duplicate_line":
        found |= {"duplicate_of_line": verdict.duplicate_of, "same_bank_reference": verdict.is_same_reference}
    if verdict.reason == "amount_mismatch" and verdict.payment:
        found["sent_yuan"] = verdict.payment.amount_fen // 100
    return found


def test_bank_b_is_understood_without_a_format_of_its_own() -> None:
    expected = EXPECTED[1]
    with (DEMO / expected["file"]).open("rb") as file:
        verdicts = sorted(Matching(sent_of(expected["batch_no"])).verdicts(read(file)), key=lambda one: one.line.line)

    assert [one.result for one in verdicts] == [one["result"] for one in expected["detail"]]


JIANG = SentPayment("QH1", "9999990000000000014", "江正", 80_000)
NEIGHBOUR = SentPayment("QH2", "9999990000000000022", "江正", 80_000)


def line(number: int = 2, of: SentPayment = JIANG, **changed: Any) -> AnswerLine:
    facts: dict[str, Any] = {
        "line": number, "serial": of.serial, "account": of.account, "name": of.name, "amount_fen": of.amount_fen,
        "day": None, "outcome": "credited", "reason": "", "status": "成功", "words": "", "reference": f"R{number}",
    }  # fmt: skip
    return AnswerLine(**facts | changed)


def judged(*lines: AnswerLine, sent: Any = (JIANG, NEIGHBOUR), **options: Any) -> list[tuple[str, str, str]]:
    return [(one.column, one.result, one.reason) for one in Matching(sent, **options).verdicts(lines)]


SUCCESS = (MATCHED, "matched_success", "")


def exception(column: str, reason: str) -> tuple[str, str, str]:
    return column, "exception", reason


def test_serial_account_and_amount_together_are_a_match() -> None:
    assert judged(line()) == [SUCCESS]


def test_a_failure_carries_the_banks_reason() -> None:
    assert judged(line(outcome="failed", reason="account_closed")) == [(MATCHED, "matched_failed", "account_closed")]


def test_an_answer_without_names_still_matches() -> None:
    assert judged(line(name="")) == [SUCCESS]


def test_another_name_is_for_a_person_to_judge() -> None:
    assert judged(line(name="江政")) == [exception(PROBABLE, "name_differs")]


def test_another_account_or_none_is_never_a_match() -> None:
    assert judged(line(account="9999990000000000099")) == [exception(UNMATCHED, "account_mismatch")]
    assert judged(line(account="")) == [exception(UNMATCHED, "account_mismatch")]


def test_a_masked_account_is_for_a_person_to_judge() -> None:
    assert judged(line(account="999999*********0014")) == [exception(PROBABLE, "account_masked")]
    assert judged(line(account="999999*********0014", amount_fen=1)) == [exception(UNMATCHED, "amount_mismatch")]


def test_another_amount_is_never_a_match_and_both_amounts_are_said() -> None:
    (verdict,) = Matching([JIANG]).verdicts([line(amount_fen=8_000)])

    assert (verdict.column, verdict.reason) == (UNMATCHED, "amount_mismatch")
    assert "800" in verdict.words and "80 " in verdict.words


def test_name_and_amount_alone_match_nothing() -> None:
    assert judged(line(serial="", account="")) == [exception(UNMATCHED, "not_sent_by_us")]


@pytest.mark.parametrize("serial", ["", "QH1?", "00001"])
def test_without_its_serial_a_line_is_probable_when_account_and_amount_fit_one_open_payment(serial: str) -> None:
    assert judged(line(serial=serial)) == [exception(PROBABLE, "serial_unknown")]


def test_without_its_serial_a_line_is_nobodys_when_two_open_payments_fit() -> None:
    twin = dataclasses.replace(JIANG, serial="QH3")

    assert judged(line(serial=""), sent=(JIANG, twin)) == [exception(UNMATCHED, "not_sent_by_us")]


def test_a_line_without_serial_does_not_take_a_payment_that_a_later_line_names() -> None:
    assert judged(line(2, serial=""), line(3)) == [SUCCESS, exception(UNMATCHED, "not_sent_by_us")]


def test_two_lines_without_serial_do_not_share_one_payment() -> None:
    assert judged(line(2, serial=""), line(3, serial="")) == [
        exception(PROBABLE, "serial_unknown"),
        exception(UNMATCHED, "duplicate_line"),
    ]


def test_the_second_line_of_one_payment_is_a_duplicate_whatever_its_reference() -> None:
    first, same, other = Matching([JIANG]).verdicts([line(2), line(3, reference="R2"), line(4)])

    assert (first.column, same.reason, other.reason) == (MATCHED, "duplicate_line", "duplicate_line")
    assert (same.duplicate_of, same.is_same_reference) == (2, True)
    assert (other.duplicate_of, other.is_same_reference) == (2, False)


def test_a_payment_credited_and_then_returned_in_one_file_is_returned() -> None:
    back = line(3, outcome="returned", reason="account_closed")

    assert judged(line(2), back) == [SUCCESS, (MATCHED, "matched_returned", "account_closed")]
    assert judged(line(2), back, dataclasses.replace(back, line=4))[2] == exception(UNMATCHED, "duplicate_line")


@pytest.mark.parametrize(("first", "then"), [("credited", "failed"), ("failed", "credited"), ("returned", "credited")])
def test_two_answers_that_contradict_are_for_the_bank_to_explain(first: str, then: str) -> None:
    assert judged(line(2, outcome=first), line(3, outcome=then))[1] == exception(UNMATCHED, "contradicts")
    answered = dataclasses.replace(JIANG, answered=first)
    assert judged(line(3, outcome=then), sent=[answered]) == [exception(UNMATCHED, "contradicts")]


def test_the_same_answer_in_a_later_file_is_already_recorded() -> None:
    answered = dataclasses.replace(JIANG, answered="credited")

    assert judged(line(), sent=[answered], references={"R2": "QH1"}) == [(MATCHED, "already_recorded", "")]


PAID_BY_A = dataclasses.replace(JIANG, answered="credited", told=frozenset({("credited", "A", "R1")}))


def test_only_the_same_bank_under_the_same_reference_says_the_same_thing_again() -> None:
    again = line(reference="R1")

    assert judged(again, sent=[PAID_BY_A], bank="A") == [(MATCHED, "already_recorded", "")]
    assert judged(again, sent=[PAID_BY_A], bank="B") == [exception(UNMATCHED, "paid_again")]
    assert judged(line(reference="R9"), sent=[PAID_BY_A], bank="A") == [exception(UNMATCHED, "paid_again")]
    assert judged(line(reference=""), sent=[PAID_BY_A], bank="A") == [exception(UNMATCHED, "paid_again")]


def test_where_a_reference_names_the_whole_file_the_bank_alone_tells() -> None:
    def told(bank: str) -> list[tuple[str, str, str]]:
        return judged(line(reference="R9"), sent=[PAID_BY_A], bank=bank, is_reference_per_line=False)

    assert told("A") == [(MATCHED, "already_recorded", "")]
    assert told("B") == [exception(UNMATCHED, "paid_again")]


def test_of_two_credits_nobody_guesses_which_one_came_back() -> None:
    twice = dataclasses.replace(PAID_BY_A, told=PAID_BY_A.told | {("credited", "A", "R2")})
    back = line(4, outcome="returned", reference="R2")

    assert judged(back, sent=[PAID_BY_A], bank="A") == [(MATCHED, "matched_returned", "")]
    assert judged(back, sent=[twice], bank="A") == [exception(UNMATCHED, "paid_again")]
    assert judged(line(2), line(3), back)[2] == exception(UNMATCHED, "paid_again")


def test_a_statement_that_tells_both_again_records_neither_again() -> None:
    both = frozenset({("credited", "A", "R1"), ("returned", "A", "R2")})
    answered = dataclasses.replace(JIANG, answered="returned", told=both)
    lines = line(2, reference="R1"), line(3, outcome="returned", reference="R2")

    assert judged(*lines, sent=[answered], bank="A") == [(MATCHED, "already_recorded", "")] * 2


SENT_ON = date(2026, 4, 15)


@pytest.mark.parametrize("day", [date(1999, 1, 1), date(2026, 4, 14), date(2026, 4, 18)])
@pytest.mark.parametrize("changed", [{}, {"outcome": "failed"}, {"serial": ""}, {"account": "999999*********0014"}])
def test_an_answer_from_before_the_money_was_sent_or_of_tomorrow_is_no_match(day: date, changed: Any) -> None:
    sent = dataclasses.replace(JIANG, sent_on=SENT_ON)
    (verdict,) = Matching([sent], today=date(2026, 4, 17)).verdicts([line(day=day, **changed)])

    assert (verdict.column, verdict.reason) == (UNMATCHED, "wrong_day")
    assert "2026-04-15" in verdict.words and str(day) in verdict.words
    assert judged(line(day=SENT_ON), sent=[sent], today=SENT_ON) == [SUCCESS]


def test_a_line_without_its_account_says_so_instead_of_another() -> None:
    (verdict,) = Matching([JIANG]).verdicts([line(account="")])

    assert verdict.reason == "account_mismatch" and "没有账号" in verdict.words and "账号不同" not in verdict.words


def test_a_return_in_a_later_file_is_matched() -> None:
    answered = dataclasses.replace(JIANG, answered="credited")

    assert judged(line(outcome="returned"), sent=[answered]) == [(MATCHED, "matched_returned", "")]


def test_a_bank_reference_stands_for_one_payment() -> None:
    assert judged(line(), references={"R2": "QH9"}) == [exception(UNMATCHED, "reference_used")]
    lines = [line(2), line(3, of=NEIGHBOUR, reference="R2")]
    assert judged(*lines)[1] == exception(UNMATCHED, "reference_used")
    assert judged(*lines, is_reference_per_line=False) == [SUCCESS, SUCCESS]


def test_an_answer_that_says_nothing_clear_changes_nothing() -> None:
    assert judged(line(outcome="unclear")) == [exception(UNMATCHED, "unclear_answer")]
    assert judged(line(outcome="unclear", serial="")) == [exception(UNMATCHED, "unclear_answer")]


def test_a_line_that_could_not_be_read_says_why() -> None:
    finding = Finding(2, "account", "digits_lost", "后面的位数已经丢失")
    (verdict,) = Matching([JIANG]).verdicts([line(account="", findings=(finding,))])

    assert verdict.reason == "unreadable"
    assert "位数已经丢失" in verdict.words


def test_a_payment_that_the_bank_named_wrongly_is_not_one_without_an_answer() -> None:
    matching = Matching([JIANG, NEIGHBOUR])
    list(matching.verdicts([line(amount_fen=1)]))

    assert matching.no_answer() == [NEIGHBOUR]


def test_accounts_can_be_compared_without_clear_numbers() -> None:
    def index_of(account: str) -> str:
        return hashlib.sha256(b"key" + account.encode()).hexdigest()

    sealed = dataclasses.replace(JIANG, account=index_of(JIANG.account))

    assert judged(line(), sent=[sealed], index_of=index_of) == [SUCCESS]
    assert judged(line(account=JIANG.account[:-1]), sent=[sealed], index_of=index_of)[0][0] == UNMATCHED


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("江正", "江正"),
        ("赵红?", "赵红㛃"),
        ("赵红??", "赵红㛃"),
        ("赵红？", "赵红𠮷"),
        ("?正", "䶮正"),
        ("吉叁．木呷", "吉叁·木呷"),
        ("吉叁?木呷", "吉叁·木呷"),
        ("ＬＩ 江", "Li江"),
    ],
)
def test_a_name_is_the_same_when_the_bank_only_lost_rare_characters(theirs: str, ours: str) -> None:
    assert same_name(theirs, ours)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("江政", "江正"),
        ("江?", "江正"),
        ("?", "㛃"),
        ("???", "赵红㛃"),
        ("赵红", "赵红㛃"),
        ("赵?㛃", "赵红㛃"),
        ("江*", "江正"),
    ],
)
def test_a_name_is_another_when_anything_else_differs(theirs: str, ours: str) -> None:
    assert not same_name(theirs, ours)
