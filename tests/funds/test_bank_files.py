"""A bank's answer from the file to the ledger: what matched is posted whole, what did not is a task, and nothing else moves."""

import hashlib
import io
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from access import services as access
from access.models import OrgUnit
from access.vault import blind_index
from audit import clock
from audit.models import AccessLog
from funds import bank_files, bank_formats, bank_lists, bank_tasks, ledger
from funds import services as funds
from funds.banking.errors import (
    AlreadyPosted,
    AnswerNotSound,
    FormatError,
    HeadingsUnknown,
    ListRefused,
    NobodyPosts,
    NoFormat,
    NoHeading,
    NothingOfOurs,
    WordsUnknown,
    WordTaken,
    WrongFileType,
)
from funds.banking.writing import PayLine
from funds.errors import NotYours, WrongPaymentState
from funds.models import BankFile, BankFormat, BankLine, BankTask, HeadingMapping, Payment, Transfer
from tests.desks.test_budget import stranger
from tests.funds.banking.files import HEADING, csv_file
from tests.funds.sent import DEMO_SENT_ON, PREFIX, demo_lines, more_money, plain_payments, send
from tests.funds.test_ledger import refuses
from tests.owner import owner
from tests.world import DEMO, START, World, make_staff

EXPECTED = {one["file"]: one for one in json.loads((DEMO / "bank-return.expected.json").read_text("utf-8"))["files"]}
BANKS = {"bank-return-a.csv": "HFNS", "bank-return-b.xlsx": "QHCZ"}
JIANG = PayLine("QH0001", "江正", "9999990000000000014", 80_000, "禾丰农商银行")
NEIGHBOUR = PayLine("QH0002", "江正", "9999990000000000022", 80_000, "禾丰农商银行")
LIN = PayLine("QH0003", "林云", "9999990000000000030", 50_000, "禾丰农商银行")


@pytest.fixture(autouse=True)
def at_the_desk(db: None) -> Iterator[None]:
    bank_formats.seed()
    with plain_payments():
        yield


def judge(file: bytes | Path, bank: str = "COMMON") -> bank_files.Judged:
    return bank_files.judge(io.BytesIO(file if isinstance(file, bytes) else file.read_bytes()), bank)


def post(world: World, file: bytes | Path, bank: str = "COMMON", name: str = "a.csv", **more: Any) -> BankFile:
    content = file if isinstance(file, bytes) else file.read_bytes()
    return bank_files.post(
        judge(content, bank), by=world.cashier, filename=name, sha256=hashlib.sha256(content).hexdigest(), **more
    )


def row(of: PayLine, status: str = "成功", reason: str = "", reference: str = "", **changed: str) -> list[str]:
    facts = {
        "serial": of.serial,
        "account": of.account,
        "name": of.name,
        "amount": f"{of.amount_fen / 100:.2f}",
    } | changed
    return [*facts.values(), status, reason, reference or f"R{facts['serial']}{status}"]


def answer(*rows: list[str]) -> bytes:
    return csv_file(HEADING, *rows).getvalue()


def states() -> dict[str, str]:
    return dict(Payment.objects.filter(subject__startswith=PREFIX).values_list("key", "state"))


def moved() -> Counter[str]:
    """{kind of transfer: fen} of what an answer may move."""
    sums: Counter[str] = Counter()
    for kind, fen in Transfer.objects.filter(kind__in=("settle", "bounce", "clawback")).values_list(
        "kind", "amount_fen"
    ):
        sums[kind] += fen
    return sums


def nothing_happened() -> None:
    assert not BankFile.objects.filter(kind="answer").exists() and not BankLine.objects.exists()
    assert not BankTask.objects.exists() and not moved()
    assert set(states().values()) <= {"sent"}


# ---------------------------------------------------------------- the demo's two banks, end to end


@pytest.mark.parametrize("name", list(EXPECTED))
def test_a_demo_banks_answer_is_posted_as_expected(world: World, name: str) -> None:
    expected, path = EXPECTED[name], DEMO / name
    more_money(world)
    send(world, demo_lines(expected["batch_no"]), number=expected["batch_no"], sent_on=DEMO_SENT_ON)

    judged = judge(path, BANKS[name])
    nothing_happened()
    file = post(world, path, BANKS[name], name)

    assert (file.count, judged.counts) == (expected["lines"], expected["counts"])
    assert judged.reasons == expected["reasons"]
    assert bank_files.approved(judged.batches) == bank_files.Side(
        expected["sent_payments"], expected["sent_yuan"] * 100
    )
    for result in ("matched_success", "matched_failed", "matched_returned"):
        assert judged.sums_fen[result] == expected[f"{result}_yuan"] * 100, result
    assert moved() == Counter(
        settle=expected["matched_success_yuan"] * 100,
        bounce=(expected["matched_failed_yuan"] + expected["matched_returned_yuan"]) * 100,
    )
    assert ledger.check() == ledger.LedgerCheck(0, 0, Transfer.objects.count())
    lines = {(line.n, line.result, line.cause) for line in file.lines.all()}
    assert lines == {
        (one["line"], one["result"], one.get("reason", "") if one["result"] == "exception" else "")
        for one in expected["detail"]
    }
    tasks = Counter(file.tasks.values_list("kind", flat=True))
    assert tasks == Counter(
        {key.removeprefix("exception:"): n for key, n in expected["reasons"].items() if key.startswith("exception:")}
    ) + Counter(no_answer=len(expected["no_answer"]))
    assert [task.payment.key for task in file.tasks.filter(kind="no_answer")] == expected["no_answer"]


@pytest.mark.parametrize("name", list(EXPECTED))
def test_the_same_file_is_posted_once_under_whatever_name(world: World, name: str) -> None:
    more_money(world)
    send(world, demo_lines(EXPECTED[name]["batch_no"]), sent_on=DEMO_SENT_ON)
    post(world, DEMO / name, BANKS[name], name)
    before = moved(), BankTask.objects.count()

    with pytest.raises(AlreadyPosted, match=name):
        post(world, DEMO / name, BANKS[name], "renamed.csv")

    assert (moved(), BankTask.objects.count()) == before and BankFile.objects.count() == 1


def test_both_banks_answer_for_their_own_batch_alone(world: World) -> None:
    more_money(world)
    for name, expected in EXPECTED.items():
        batch = send(world, demo_lines(expected["batch_no"]), number=expected["batch_no"], sent_on=DEMO_SENT_ON)
        # Made outside of here: two of the demo's lines are above what the second bank takes at once.
        BankFile.objects.create(
            kind="list", bank=BANKS[name], format_version="1", sha256=name.ljust(64, "0"), filename=name, batch=batch,
            count=119, total_fen=expected["sent_yuan"] * 100, made_on=clock.today(),
        )  # fmt: skip

    wrong = judge(DEMO / "bank-return-b.xlsx", "HFNS")
    assert set(wrong.counts) == {"exception"} and wrong.no_answer == []
    for name, expected in EXPECTED.items():
        judged = judge(DEMO / name, BANKS[name])
        assert judged.counts == expected["counts"]
        assert bank_files.listed(judged.batches) == bank_files.Side(119, expected["sent_yuan"] * 100)


# ---------------------------------------------------------------- what is posted and what is not


def test_the_lines_the_ledger_and_the_tasks_are_one_story(world: World) -> None:
    send(world, [JIANG, NEIGHBOUR, LIN])

    file = post(world, answer(row(JIANG), row(NEIGHBOUR, "失败", "账户已销户"), row(LIN, "处理中")))

    assert states() == {"QH0001": "credited", "QH0002": "returned", "QH0003": "unknown"}
    payment = Payment.objects.get(key="QH0002")
    assert (payment.returned_reason, payment.bank_reference) == ("已销户：账户已销户", "RQH0002失败")
    assert list(file.lines.values_list("posted", flat=True)) == [True, True, False]
    task = file.tasks.get()
    assert (task.kind, task.payment.key, task.role, task.amount_fen) == ("unclear_answer", "QH0003", "cashier", 50_000)
    assert task.history.get().history_user_id == world.cashier.pk
    assert task.line.words == "处理中" and task.line.account_index == blind_index("account", LIN.account)


def test_an_unknown_payment_is_answered_later_and_its_task_closes_itself(world: World) -> None:
    send(world, [JIANG, LIN])
    first = post(world, answer(row(JIANG, "处理中")))
    assert Counter(first.tasks.values_list("kind", flat=True)) == {"unclear_answer": 1, "no_answer": 1}

    second = post(world, answer(row(JIANG), row(LIN)), name="b.csv")

    assert states() == {"QH0001": "credited", "QH0003": "credited"}
    assert not BankTask.objects.filter(state="open").exists() and not second.tasks.exists()
    settled = first.tasks.first()
    assert (settled.how, settled.settled_by, settled.history.count()) == ("answered", world.cashier, 2)


def test_overlapping_statements_record_only_what_is_new(world: World) -> None:
    send(world, [JIANG, NEIGHBOUR, LIN])
    post(world, answer(row(JIANG), row(NEIGHBOUR)))

    file = post(world, answer(row(NEIGHBOUR), row(LIN)), name="b.csv")

    assert file.counts == {"already_recorded": 1, "matched_success": 1}
    assert set(states().values()) == {"credited"} and moved() == Counter(settle=210_000)
    assert not BankTask.objects.filter(state="open").exists()


def test_a_second_credit_under_another_reference_is_a_task_and_not_a_repetition(world: World) -> None:
    send(world, [JIANG, LIN])
    post(world, answer(row(JIANG, reference="A1"), row(LIN, reference="A2")))

    file = post(world, answer(row(JIANG, reference="B777"), row(LIN, reference="A2")), name="b.csv")

    assert file.counts == {"exception": 1, "already_recorded": 1} and moved() == Counter(settle=130_000)
    task = file.tasks.get()
    assert (task.kind, task.payment.key, task.line.posted) == ("paid_again", "QH0001", False)
    assert "可能付了两次" in task.words and "追回" in task.words

    later = post(world, answer(row(JIANG, reference="B777"), row(JIANG, reference="A1")), name="c.csv")
    assert later.counts == {"already_recorded": 2} and not later.tasks.exists()
    back = post(world, answer(row(JIANG, "退票", "户名不符", reference="B778")), name="d.csv")
    assert back.tasks.get().kind == "paid_again" and moved() == Counter(settle=130_000)


def test_another_bank_that_paid_as_well_is_a_task(world: World) -> None:
    send(world, [JIANG])
    post(world, answer(row(JIANG, reference="A1")))

    file = post(world, answer(row(JIANG, "0000", reference="A1")), "HFNS", name="b.csv")

    assert file.tasks.get().kind == "paid_again" and moved() == Counter(settle=80_000)


def test_what_somebody_wrote_down_by_hand_is_repeated_by_the_first_file(world: World) -> None:
    send(world, [JIANG])
    payment = Payment.objects.select_related("reservation__allocation", "batch").get()
    funds.credit(payment, bank_reference="", answered_on=clock.today())
    ledger.settle_now()

    assert judge(answer(row(JIANG, reference="A1"))).counts == {"already_recorded": 1}
    post(world, answer(row(JIANG, reference="A1")))
    assert judge(answer(row(JIANG, reference="A2"))).reasons == {"exception:paid_again": 1}


def test_an_answer_of_a_day_before_the_release_moves_nothing(world: World) -> None:
    send(world, [JIANG, LIN])
    content = csv_file([*HEADING, "交易日期"], [*row(JIANG), "1999-01-01"], [*row(LIN), "2026-04-15"]).getvalue()

    file = post(world, content)

    assert states() == {"QH0001": "sent", "QH0003": "credited"}
    assert (file.tasks.get().kind, file.tasks.get().payment.key) == ("wrong_day", "QH0001")
    assert "1999-01-01" in file.tasks.get().words


def test_a_file_in_which_nothing_is_ours_is_refused_and_opens_no_tasks(world: World) -> None:
    send(world, [JIANG])
    strangers = [row(PayLine(f"X{n}", "别人", f"999999{n:013}", 10_000)) for n in range(5)]

    assert not judge(answer(*strangers)).may_be_posted
    with pytest.raises(NothingOfOurs, match="选对了银行"):
        post(world, answer(*strangers))

    nothing_happened()


def test_one_payment_without_an_answer_is_asked_for_once(world: World) -> None:
    send(world, [JIANG, NEIGHBOUR, LIN])
    post(world, answer(row(JIANG)))
    post(world, answer(row(NEIGHBOUR)), name="b.csv")

    open_now = BankTask.objects.filter(state="open")
    assert [task.payment.key for task in open_now] == ["QH0003"]


def test_what_was_credited_comes_back_in_the_same_file_or_a_later_one(world: World) -> None:
    send(world, [JIANG, LIN])
    post(world, answer(row(JIANG), row(JIANG, "退票", "户名不符"), row(LIN)))
    post(world, answer(row(LIN, "退票", "账户已销户")), name="b.csv")

    assert set(states().values()) == {"returned"}
    assert moved() == Counter(settle=130_000, clawback=130_000)
    assert BankLine.objects.filter(posted=True, owns_reference=True).count() == 4


def test_a_bank_may_tell_of_a_payment_twice_under_one_reference(world: World) -> None:
    send(world, [JIANG])
    post(world, answer(row(JIANG, reference="R1")))
    post(world, answer(row(JIANG, "退票", "户名不符", reference="R1")), name="b.csv")

    assert list(BankLine.objects.order_by("id").values_list("posted", "owns_reference")) == [
        (True, True),
        (True, False),
    ]


def test_a_reference_belongs_to_one_payment(world: World) -> None:
    send(world, [JIANG, LIN])
    post(world, answer(row(JIANG, reference="R1")))

    file = post(world, answer(row(LIN, reference="R1")), name="b.csv")

    assert file.tasks.get(line__isnull=False).kind == "reference_used" and states()["QH0003"] == "sent"


def test_a_probable_line_is_posted_only_when_a_person_says_yes(world: World) -> None:
    send(world, [JIANG, NEIGHBOUR, LIN])
    content = answer(row(JIANG, name="江政"), row(NEIGHBOUR, account="999999*********0022"), row(LIN, serial=""))
    judged = judge(content)
    assert [verdict.line.line for verdict in judged.to_decide()] == [2, 3, 4]

    file = post(world, content, accepted={3})

    assert states() == {"QH0001": "sent", "QH0002": "credited", "QH0003": "sent"}
    assert list(file.lines.values_list("accepted", "posted")) == [(False, False), (True, True), (False, False)]
    assert Counter(file.tasks.values_list("kind", flat=True)) == {"name_differs": 1, "serial_unknown": 1}


def test_what_is_probable_twice_or_said_already_is_not_offered(world: World) -> None:
    send(world, [JIANG, LIN])
    masked = {"account": "999999*********0014"}

    assert judge(answer(row(JIANG, **masked), row(JIANG, **masked))).to_decide() == []
    assert judge(answer(row(JIANG), row(JIANG, **masked))).to_decide() == []
    assert judge(answer(row(JIANG, "处理中", **masked))).to_decide() == []


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("amount", ["1e10", "-1", "NaN", "", "800.001", "Infinity", "=800"])
def test_an_amount_that_is_none_becomes_a_task_and_moves_nothing(world: World, amount: str) -> None:
    send(world, [JIANG, LIN])

    file = post(world, answer(row(JIANG, amount=amount), row(LIN)))

    assert states() == {"QH0001": "sent", "QH0003": "credited"}
    assert file.tasks.get().kind in ("unreadable", "amount_mismatch")
    assert file.lines.count() == 2


def test_full_width_digits_are_digits(world: World) -> None:
    send(world, [JIANG])
    wide = str.maketrans("0123456789.", "０１２３４５６７８９．")

    post(world, answer(row(JIANG, account=JIANG.account.translate(wide), amount="800.00".translate(wide))))

    assert states() == {"QH0001": "credited"}


def test_what_lies_in_another_county_counts_as_not_sent_by_us(world: World) -> None:
    send(world, [JIANG, LIN])
    county = OrgUnit.objects.create(
        code="990102", name="邻县", level="county", parent=world.county.parent, valid_from=START,
        province_id=world.county.province_id, prefecture_id=world.county.prefecture_id,
    )  # fmt: skip
    county.county = county
    county.save()
    stranger = make_staff("stranger", "邻县出纳")
    access.appoint(stranger, "cashier", county, by=None, valid_from=START)

    ours = bank_files.judge(io.BytesIO(answer(row(JIANG))), "COMMON", by=world.cashier)
    theirs = bank_files.judge(io.BytesIO(answer(row(JIANG))), "COMMON", by=stranger)

    assert ours.counts["matched_success"] == 1 and [one.serial for one in ours.no_answer] == [LIN.serial]
    assert (theirs.batches, theirs.no_answer, theirs.counts["matched_success"]) == ([], [], 0)
    assert all(verdict.payment is None for verdict in theirs.verdicts)


def test_a_line_that_we_never_sent_is_a_task(world: World) -> None:
    send(world, [JIANG])
    stranger = PayLine("QH9999", "江正", "9999990000000000099", 80_000)

    file = post(world, answer(row(JIANG), row(stranger)))

    task = file.tasks.get()
    assert (task.kind, task.payment, task.amount_fen) == ("not_sent_by_us", None, 80_000)
    assert moved() == Counter(settle=80_000)


def test_a_changed_total_line_stops_the_whole_file(world: World) -> None:
    send(world, [JIANG, LIN])
    content = answer(row(JIANG), row(LIN), ["合计", "共 2 笔", "", "1300.01", "", "", ""])

    with pytest.raises(AnswerNotSound, match=r"1,300\.01"):
        post(world, content)

    nothing_happened()


def test_words_that_nobody_taught_stop_the_file_until_somebody_does(world: World) -> None:
    send(world, [JIANG, LIN])
    content = answer(row(JIANG, "妥了"), row(LIN, "没成", "查无此人"))
    judged = judge(content)
    assert judged.unknown_words == {"妥了": 1, "没成": 1}
    with pytest.raises(WordsUnknown, match="妥了"):
        post(world, content)
    nothing_happened()

    bank_formats.teach(
        "COMMON", judged.layout.signature, {"妥了": "credited", "没成": "failed"}, {"查无此人": "account_not_found"},
        by=world.cashier,
    )  # fmt: skip
    post(world, content)

    assert states() == {"QH0001": "credited", "QH0003": "returned"}
    assert Payment.objects.get(key="QH0003").returned_reason == "账号不存在：查无此人"
    assert HeadingMapping.objects.get().history.get().history_user_id == world.cashier.pk


def test_a_word_does_not_get_a_second_meaning(world: World) -> None:
    with pytest.raises(FormatError, match="成功"):
        bank_formats.teach("COMMON", "x", {"成功": "failed"}, by=world.cashier)
    assert not HeadingMapping.objects.exists()


def test_a_taught_word_keeps_its_meaning_and_the_refusal_says_who_gave_it(world: World) -> None:
    send(world, [JIANG])
    content = answer(row(JIANG, "处理完毕"))
    signature = judge(content).layout.signature
    bank_formats.teach("COMMON", signature, {"处理完毕": "credited"}, by=world.cashier)
    seen = judge(content)

    with pytest.raises(WordTaken, match=f"2026-04-15 已由{world.cashier}写明是「到账」"):
        bank_formats.teach("COMMON", signature, {"处理完毕": "failed"}, by=world.fund_manager)
    with pytest.raises(WordTaken):
        bank_formats.teach("COMMON", signature, {" 处理完毕": "failed"}, by=world.fund_manager)
    bank_formats.teach("COMMON", signature, {"处理完毕": "credited", "没成": "failed"}, by=world.fund_manager)

    mapping = HeadingMapping.objects.get()
    assert mapping.statuses == {"处理完毕": "credited", "没成": "failed"} and mapping.history.count() == 2
    assert judge(content).fingerprint == seen.fingerprint


def test_a_new_format_outranks_what_was_taught_before_it(world: World) -> None:
    send(world, [JIANG])
    content = answer(row(JIANG, "处理完毕"))
    bank_formats.teach("COMMON", judge(content).layout.signature, {"处理完毕": "credited"}, by=world.cashier)
    before = judge(content)
    spec = BankFormat.objects.get(code="COMMON", direction="in").spec
    statuses = spec["statuses"] | {"failed": [*spec["statuses"]["failed"], "处理完毕"]}
    bank_formats.add(
        spec | {"version": "2026-04", "valid_from": "2026-04-01", "statuses": statuses}, by=world.fund_manager
    )

    after = judge(content)

    assert before.counts == {"matched_success": 1} and after.counts == {"matched_failed": 1}


@pytest.mark.parametrize("changed", [{"status": "失败"}, {"amount": "800.01"}, {"reference": "other"}])
def test_what_was_seen_is_no_longer_what_would_be_posted(world: World, changed: dict[str, str]) -> None:
    send(world, [JIANG])
    of = {"name": "别人"}  # probable whatever it says

    assert judge(answer(row(JIANG, **of))).fingerprint != judge(answer(row(JIANG, **of | changed))).fingerprint


STRANGE = ["甲", "乙", "丙", "丁", "戊", "己", "庚"]


def test_strange_headings_are_mapped_once_and_remembered(world: World) -> None:
    send(world, [JIANG, LIN])
    first = csv_file(["某银行对账单"], STRANGE, row(JIANG)).getvalue()
    with pytest.raises(HeadingsUnknown) as unknown:
        judge(first)
    assert STRANGE in unknown.value.rows

    fields = ("serial", "account", "name", "amount", "status", "reason", "reference")
    bank_formats.remember_columns(
        io.BytesIO(first), "COMMON", dict(zip(fields, STRANGE, strict=True)), by=world.cashier
    )
    post(world, first)
    post(world, csv_file(STRANGE, row(LIN)).getvalue(), name="b.csv")

    assert set(states().values()) == {"credited"}


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"%PDF-1.7 ...", WrongFileType),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 600, WrongFileType),
        (b"", (NoHeading, HeadingsUnknown, WrongFileType)),
        ((DEMO / "payment-roster.csv").read_bytes(), HeadingsUnknown),
        ("今天天气很好。\n没有什么，可说的\n".encode(), WrongFileType),
        (b"1,2,3\n4,5,6\n", WrongFileType),
    ],
)
def test_a_wrong_file_is_refused_in_words(world: World, content: bytes, refusal: Any) -> None:
    send(world, [JIANG])
    with pytest.raises(refusal, match="。"):
        judge(content)
    nothing_happened()


def test_nothing_is_left_when_one_payment_cannot_be_posted(world: World) -> None:
    send(world, [JIANG, LIN])
    content = answer(row(JIANG), row(LIN))
    judged = judge(content)
    with transaction.atomic():
        post(world, answer(row(LIN)), name="quicker.csv")

    with pytest.raises(WrongPaymentState):
        bank_files.post(judged, by=world.cashier, filename="a.csv", sha256="a" * 64)

    assert states() == {"QH0001": "sent", "QH0003": "credited"}
    assert BankFile.objects.filter(kind="answer").count() == 1 and moved() == Counter(settle=50_000)


def test_payments_that_nobody_answers_for_are_refused(world: World) -> None:
    send(world, [JIANG])
    content = answer(row(JIANG))
    del bank_files._posters[PREFIX]
    try:
        with pytest.raises(NobodyPosts):
            post(world, content)
    finally:
        bank_files.posts_for(PREFIX)(lambda said, *, by, key: {})
    nothing_happened()


def test_the_fingerprint_moves_with_the_books(world: World) -> None:
    send(world, [JIANG, LIN])
    content = answer(row(JIANG), row(LIN))
    before = judge(content).fingerprint
    assert judge(content).fingerprint == before

    post(world, answer(row(LIN)), name="b.csv")

    assert judge(content).fingerprint != before


# ---------------------------------------------------------------- 500 lines with noise


def noisy(rng: random.Random, lines: list[PayLine]) -> tuple[bytes, set[str], set[str]]:
    """An answer as banks give it; the serials that are truly answered by it, and those that must not be posted by it."""
    rows, true, never = [], set(), set()
    for line in lines:
        dice = rng.random()
        status, reason = ("失败", "账户已销户") if rng.random() < 0.1 else ("成功", "")
        changed: dict[str, str] = {}
        if dice < 0.005:
            changed = {"amount": f"{line.amount_fen / 100 + 10:.2f}"}
        elif dice < 0.010:
            changed = {"account": f"99999900000000{rng.randrange(10**5):05}"}
        elif dice < 0.015:
            changed = {"serial": f"XX{rng.randrange(10**6):06}", "account": f"99999911111111{rng.randrange(10**5):05}"}
        elif dice < 0.018:
            never.add(line.serial)
            continue
        elif dice < 0.15:  # harmless: blanks, full width, a thousands mark, a rare character lost
            changed = rng.choice(
                [
                    {"account": f" {line.account[:4]} {line.account[4:]}\t"},
                    {"serial": line.serial.lower()},
                    {"amount": f"{line.amount_fen / 100:,.2f}"},
                    {"name": f"{line.name[0]} {line.name[1:]}"},
                    {"name": ""},
                ]
            )
        (never if dice < 0.015 else true).add(line.serial)
        rows.append(row(line, status, reason, f"R{len(rows)}", **changed))
    rng.shuffle(rows)
    return answer(*rows), true, never


@pytest.mark.parametrize("seed", [1, 20260415])
def test_of_500_lines_at_least_95_in_100_match_by_themselves_and_none_falsely(world: World, seed: int) -> None:
    rng = random.Random(seed)
    lines = [
        PayLine(f"QH{n:06}", rng.choice(["江正", "林云", "邓海俊"]), f"999999{n:013}", rng.choice((50_000, 80_000)))
        for n in range(500)
    ]
    content, true, never = noisy(rng, lines)
    more_money(world)
    batch = send(world, lines)

    judged = judge(content)
    matched = {v.payment.serial for v in judged.verdicts if v.column == "matched" and v.payment}

    assert matched <= true and not matched & never
    assert len(matched) >= 0.95 * len(lines)
    assert batch.payments.filter(state="sent").count() == 500


# ---------------------------------------------------------------- lists


def exported(world: World, batch: Any, bank: str = "HFNS") -> tuple[BankFile, bytes]:
    out = io.BytesIO()
    made = bank_lists.export(batch, bank, by=world.cashier, reason="交银行代发", out=out)
    return made, out.getvalue()


def test_the_list_is_the_banks_and_tells_who_took_it(world: World) -> None:
    batch = send(world, [JIANG, LIN])

    made, content = exported(world, batch)
    again, _same = exported(world, batch)

    text = content.decode("gb18030").splitlines()
    assert text[1] == "PB-1,QH0001,9999990000000000014,江正,800.00,CNY," and len(text) == 3
    assert (made.count, made.total_fen, made.batch, made.filename) == (2, 130_000, batch, "PB-1.csv")
    assert again == made and made.sha256 == hashlib.sha256(content).hexdigest()
    seen = AccessLog.objects.filter(subject=f"batch:{batch.pk}", kind="export")
    assert [(one.reason, one.actor_id) for one in seen] == [("交银行代发", world.cashier.pk)] * 2


def test_the_list_of_a_batch_is_made_for_one_bank_and_never_for_another(world: World) -> None:
    batch = send(world, [JIANG, LIN])
    made, _content = exported(world, batch)

    with pytest.raises(WrongPaymentState, match="两家都付.*选错了银行"):
        exported(world, batch, "QHCZ")

    assert exported(world, batch)[0] == made
    assert [one.bank for one in BankFile.objects.all()] == ["HFNS"]
    refuses(
        """INSERT INTO funds_bankfile (kind, bank, format_version, sha256, filename, batch_id, count, total_fen, counts,
           sums_fen, reasons, made_on) VALUES ('list', 'QHCZ', '1', 'x', 'b.csv', %s, 2, 130000, '{}', '{}', '{}', %s)""",
        batch.pk,
        START,
        match="one_bank_a_batch|was made for another bank",
    )


def test_another_county_does_not_get_the_account_numbers(world: World) -> None:
    batch = send(world, [JIANG])

    with pytest.raises(NotYours, match="全部账号"):
        bank_lists.export(batch, "HFNS", by=stranger(world), reason="交银行代发", out=io.BytesIO())

    assert not BankFile.objects.exists() and not AccessLog.objects.filter(subject=f"batch:{batch.pk}").exists()


def test_what_the_bank_would_reject_is_refused_line_by_line_and_the_access_stays(world: World) -> None:
    batch = send(world, [JIANG, PayLine("QH7", "江|正", "123", 50_000)])

    with pytest.raises(ListRefused) as refused:
        exported(world, batch)

    assert {(one.line, one.code) for one in refused.value.problems} == {
        (2, "account_length"),
        (2, "forbidden_character"),
    }
    assert not BankFile.objects.exists() and AccessLog.objects.filter(subject=f"batch:{batch.pk}").exists()


def test_a_list_goes_out_after_the_release_and_before_the_first_answer(world: World) -> None:
    waiting = send(world, [LIN], number="PB-2", upto="checked")
    with pytest.raises(WrongPaymentState, match="还没有放行"):
        exported(world, waiting)
    batch = send(world, [JIANG])
    post(world, answer(row(JIANG)))
    with pytest.raises(WrongPaymentState, match="付两次"):
        exported(world, batch)
    with pytest.raises(NoFormat):
        exported(world, send(world, [NEIGHBOUR], number="PB-3"), "NOBODY")


def test_an_answer_comes_back_from_the_very_list(world: World) -> None:
    """The round trip: what we wrote is what the bank's own answer, made from it, matches."""
    batch = send(world, [JIANG, LIN])
    _made, content = exported(world, batch)
    cells = [line.split(",") for line in content.decode("gb18030").splitlines()[1:]]
    heading = "批次编号,流水序号,收款账号,收款户名,交易金额,交易日期,返回码,返回信息,银行参考号"
    back = [f"{c[0]},{c[1]},{c[2]},{c[3]},{c[4]},20260415,0000,成功,HF{n}" for n, c in enumerate(cells)]

    post(world, "\r\n".join((heading, *back)).encode("gb18030"), "HFNS")

    assert set(states().values()) == {"credited"}


# ---------------------------------------------------------------- formats


def test_the_formats_of_the_product_are_written_down_once(world: World) -> None:
    assert bank_formats.seed() == 0
    assert {code for code, _name in bank_formats.banks("in", clock.today())} == {"COMMON", "HFNS", "QHCZ", "SQHZ"}


def test_a_new_layout_is_a_new_version_from_its_day(world: World) -> None:
    spec = BankFormat.objects.get(code="HFNS", direction="out").spec
    with pytest.raises(FormatError, match="已经登记过"):
        bank_formats.add(spec, by=world.fund_manager)
    bank_formats.add(spec | {"version": "2026-05", "valid_from": "2026-05-01"}, by=world.fund_manager)

    assert bank_formats.list_format("HFNS", clock.today()).version == "2026-01"
    assert bank_formats.list_format("HFNS", clock.today().replace(month=5)).version == "2026-05"


# ---------------------------------------------------------------- tasks


def test_a_task_is_asked_and_settled_and_stays_settled(world: World) -> None:
    send(world, [JIANG, LIN])
    task = post(world, answer(row(JIANG))).tasks.get()

    bank_tasks.asked(task.pk, by=world.cashier)
    with pytest.raises(WrongPaymentState, match="怎么解决"):
        bank_tasks.settle(task.pk, by=world.cashier, how="other")
    done = bank_tasks.settle(task.pk, by=world.cashier, how="bank_mistake", note="银行补了回单")
    assert bank_tasks.settle(task.pk, by=world.cashier, how="bank_mistake") == done

    task.refresh_from_db()
    assert (task.state, task.note, task.asked_by, task.history.count()) == ("settled", "银行补了回单", world.cashier, 3)
    assert states()["QH0003"] == "sent"
    with pytest.raises(WrongPaymentState, match="已经解决"):
        bank_tasks.asked(task.pk, by=world.cashier)


def test_what_one_file_left_open_is_settled_for_one_reason(world: World) -> None:
    send(world, [JIANG, LIN])
    file = post(world, answer(row(JIANG), *(row(PayLine(f"X{n}", "别人", f"999999{n:013}", 1_000)) for n in range(3))))
    other = post(world, answer(row(LIN, amount="1.00")), name="b.csv").tasks.get()
    ids = list(file.tasks.values_list("pk", flat=True))
    bank_tasks.settle(ids[0], by=world.cashier, how="bank_mistake", note="先问清的")

    with pytest.raises(WrongPaymentState, match="怎么解决"):
        bank_tasks.settle_together(ids, by=world.fund_manager, how="other")
    assert bank_tasks.settle_together(ids, by=world.fund_manager, how="not_ours", note="传错了") == 3
    assert bank_tasks.settle_together(ids, by=world.fund_manager, how="not_ours", note="传错了") == 0

    assert list(BankTask.objects.filter(settled_on__isnull=True)) == [other]
    assert Counter(file.tasks.values_list("how", "settled_by__username")) == {
        ("bank_mistake", "cashier"): 1,
        ("not_ours", "fund_manager"): 3,
    }
    assert {task.history.latest().history_user_id for task in file.tasks.filter(how="not_ours")} == {
        world.fund_manager.pk
    }
    assert states() == {"QH0001": "credited", "QH0003": "sent"}


# ---------------------------------------------------------------- in raw SQL


def refused(statement: str, match: str) -> None:
    with pytest.raises(DatabaseError, match=match), transaction.atomic(), owner(), connection.cursor() as cursor:
        cursor.execute(statement)


POSTED = """INSERT INTO funds_bankline (file_id, n, bank, serial, bank_reference, owns_reference, account_last4, account_index,
    name, amount_fen, outcome, reason_code, words, verdict, result, cause, payment_id, accepted, posted)
    SELECT file_id, n + 100, bank, serial, 'other', owns_reference, account_last4, {index}, name, {fen}, outcome, reason_code,
    words, verdict, result, cause, payment_id, {accepted}, true FROM funds_bankline"""


@pytest.mark.parametrize(
    ("index", "fen", "accepted"),
    [("account_index", "amount_fen + 1", "NULL"), ("'x'", "amount_fen", "NULL"), ("'x'", "amount_fen + 1", "true")],
)
def test_a_posted_line_agrees_with_its_payment(world: World, index: str, fen: str, accepted: str) -> None:
    send(world, [JIANG])
    post(world, answer(row(JIANG)))

    refused(POSTED.format(index=index, fen=fen, accepted=accepted), "does not agree")


def test_files_lines_and_formats_are_never_changed(world: World) -> None:
    send(world, [JIANG])
    post(world, answer(row(JIANG)))

    for table, column in (("bankfile", "filename"), ("bankline", "name"), ("bankformat", "name")):
        refused(f"UPDATE funds_{table} SET {column} = 'x'", "append-only")
        refused(f"DELETE FROM funds_{table}", "append-only")


def test_a_settled_task_is_not_opened_again(world: World) -> None:
    send(world, [JIANG, LIN])
    task = post(world, answer(row(JIANG))).tasks.get()
    refused("UPDATE funds_banktask SET words = 'x'", "stays about")
    bank_tasks.settle(task.pk, by=world.cashier, how="bank_mistake")

    refused("UPDATE funds_banktask SET state = 'open', settled_on = NULL, settled_by_id = NULL, how = ''", "stays so")
