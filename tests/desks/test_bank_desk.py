"""The bank desk: nothing is posted before somebody has looked, and then all of it or nothing."""

import csv
import datetime
import io
import re
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from access import services as access
from access.models import OrgUnit, Staff
from audit import clock
from audit.models import AccessLog
from casework import bank_jobs, payments
from casework.desks.funds import bank_lists as lists_desk
from casework.desks.funds.forms import HandoverForm as CashForm
from casework.desks.funds.forms import new_key
from casework.desks.funds.menu import count_bank_tasks
from casework.desks.funds.reach import bank_tasks_in_reach
from casework.desks.rosters.forms import HandoverForm as RosterCashForm
from casework.models import Case
from funds import bank_formats, ledger
from funds import services as funds
from funds.models import BankFile, BankLine, BankTask, HeadingMapping, Payment, PaymentBatch, Transfer
from jobs import runner
from jobs.models import Job
from tests.desks.test_funds import a_batch, log_in, payment_of, stranger  # noqa: F401 - fixtures
from tests.funds.banking.files import HEADING, xlsx_file
from tests.funds.banking.test_bad_files import part_of, repacked
from tests.funds.sent import PayLine, plain_payments, send
from tests.funds.test_bank_files import answer, row
from tests.world import START, World, case_now, make_staff

LINES = [PayLine(f"QH{n:04}", f"江正{n}", f"999999{n:013}", 80_000, "禾丰农商银行") for n in range(1, 4)]


@pytest.fixture
def desk(world: World, client: Client) -> Any:
    bank_formats.seed()
    client.force_login(world.cashier, backend="django.contrib.auth.backends.ModelBackend")
    with plain_payments():
        yield client


def upload(client: Client, content: bytes, name: str = "a.csv", bank: str = "COMMON") -> Job:
    page = client.post(reverse("funds:bank"), {"bank": bank, "file": SimpleUploadedFile(name, content)})
    assert page.status_code == 302, page.content.decode()
    return ran(Job.objects.latest("id"))


def ran(job: Job) -> Job:
    runner.run(job.pk)
    job.refresh_from_db()
    return job


def shown(client: Client, job: Job) -> str:
    return client.get(reverse("funds:bank_job", args=[job.pk])).content.decode()


def confirm(client: Client, job: Job, **lines: str) -> Job:
    given = {"fingerprint": job.result["fingerprint"]} | {f"line-{n.removeprefix('_')}": v for n, v in lines.items()}
    client.post(reverse("funds:bank_confirm", args=[job.pk]), given)
    return ran(job)


def states() -> list[str]:
    return list(Payment.objects.order_by("key").values_list("state", flat=True))


def exported(client: Client, batch: PaymentBatch, bank: str = "HFNS") -> list[list[str]]:
    page = client.post(
        reverse("funds:export", args=[batch.pk]), {"bank": bank, "reason": "交银行代发", "purpose": "救助"}
    )
    assert page["Content-Disposition"].startswith("attachment"), page.content.decode()
    return list(csv.reader(io.StringIO(b"".join(page.streaming_content).decode("gb18030"))))


def bank_says(sent: list[list[str]], *said: tuple[str, str]) -> bytes:
    """The answer of HFNS to its own list."""
    rows = ["批次编号,流水序号,收款账号,收款户名,交易金额,交易日期,返回码,返回信息,银行参考号"]
    for n, (cells, (code, words)) in enumerate(zip(sent[1:], said, strict=True)):
        rows.append(",".join([cells[0], cells[1].upper(), *cells[2:5], "20260415", code, words, f"HF{code}{n}"]))
    return "\r\n".join(rows).encode("gb18030")


# ---------------------------------------------------------------- cases, from the list to the ledger


def test_cases_go_out_to_the_bank_and_its_answer_comes_back(world: World, desk: Client) -> None:
    paid, closed = world.brought_to("fund_reserved"), world.brought_to("fund_reserved", amount_fen=100_000)
    batch = a_batch(world, paid, closed, upto="released")
    sent = exported(desk, batch)
    assert [cells[1] for cells in sent[1:]] == [payment_of(paid).key, payment_of(closed).key]

    job = upload(desk, bank_says(sent, ("0000", "成功"), ("E107", "账户已销户")), bank="HFNS")
    page = shown(desk, job)
    assert job.state == "waiting" and "三方对账" in page and "已销户" in page and "2,000" in page
    assert states() == ["sent", "sent"] and not BankFile.objects.filter(kind="answer").exists()
    job = confirm(desk, job)

    assert job.state == "done", job.error
    assert (case_now(paid).state, case_now(closed).state) == ("paid", "payment_returned")
    assert case_now(closed).turn_role == "village_clerk"
    assert payment_of(closed).returned_reason == "已销户：账户已销户"
    assert ledger.check().drift_fen == 0
    assert Transfer.objects.filter(kind="settle").get().amount_fen == 200_000
    page = desk.get(reverse("funds:bank_file", args=[job.result["file"]])).content.decode()
    assert paid.case_no in page and "已销户" in page
    event = paid.events.get(action="payment_credited")
    assert (event.by, event.business_date) == (world.cashier, START)


def answered(world: World, desk: Client, case: Case) -> list[list[str]]:
    batch = a_batch(world, case, upto="released")
    sent = exported(desk, batch)
    confirm(desk, upload(desk, bank_says(sent, ("0000", "成功")), bank="HFNS"))
    assert case_now(case).state == "paid"
    return sent


def test_what_comes_back_after_it_was_credited_goes_back_into_the_case(world: World, desk: Client) -> None:
    case = world.brought_to("fund_reserved")
    sent = answered(world, desk, case)

    job = confirm(desk, upload(desk, bank_says(sent, ("R000", "账户已销户")), "b.csv", "HFNS"))

    assert job.state == "done", job.error
    assert case_now(case).state == "payment_returned" and not BankTask.objects.exists()
    assert Transfer.objects.filter(kind="clawback").get().amount_fen == 200_000


def test_a_late_return_of_a_case_that_has_ended_is_a_task_and_no_error(world: World, desk: Client) -> None:
    case = world.brought_to("fund_reserved")
    sent = answered(world, desk, case)
    world.do(case, "visit", "village_clerk", data={"satisfaction": 5, "words": "钱收到了"})
    world.do(case, "propose_exit", "village_clerk", reason="房子修好了")
    world.do(case, "approve_exit", "township_approver")

    job = confirm(desk, upload(desk, bank_says(sent, ("R000", "账户已销户")), "b.csv", "HFNS"))

    assert job.state == "done", job.error
    task = BankTask.objects.get()
    assert (task.kind, task.role, task.payment) == ("late_return", "fund_manager", payment_of(case))
    assert case.case_no in task.words and not task.line.posted
    assert case_now(case).state == "closed" and payment_of(case).state == "credited"
    assert not Transfer.objects.filter(kind="clawback").exists()


def test_one_case_that_refuses_leaves_nothing_of_the_file(
    world: World, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from casework import bank_answers
    from casework.errors import NotYourTurn

    cases = [world.brought_to("fund_reserved"), world.brought_to("fund_reserved")]
    sent = exported(desk, a_batch(world, *cases, upto="released"))
    job = upload(desk, bank_says(sent, ("0000", "成功"), ("0000", "成功")), bank="HFNS")
    real = payments.act

    def second_is_refused(case_id: int, *args: Any, **more: Any) -> Any:
        if case_id == cases[1].pk:
            raise NotYourTurn("这一件不归你办。")
        return real(case_id, *args, **more)

    monkeypatch.setattr(bank_answers.payments, "act", second_is_refused)
    job = confirm(desk, job)

    assert (job.state, job.error) == ("failed", "这一件不归你办。")
    assert states() == ["sent", "sent"] and not BankLine.objects.exists()
    assert "没有记账，一分钱也没有动" in shown(desk, job)


# ---------------------------------------------------------------- looked at before it is posted


def test_a_probable_line_waits_for_a_persons_yes_or_no(world: World, desk: Client) -> None:
    send(world, LINES)
    content = answer(row(LINES[0]), row(LINES[1], name="江政"), row(LINES[2], name="别人"))
    job = upload(desk, content)
    assert "江政" in shown(desk, job) and "是这一笔" in shown(desk, job)

    job = confirm(desk, job, _3="yes")
    assert job.state == "waiting" and set(states()) == {"sent"}
    assert 'value="yes" checked' in shown(desk, job)
    job = confirm(desk, job, _4="no")

    assert states() == ["credited", "credited", "sent"]
    assert BankTask.objects.get().kind == "name_differs"


def test_books_that_moved_meanwhile_are_judged_again(world: World, desk: Client) -> None:
    send(world, LINES)
    first, second = upload(desk, answer(row(LINES[0]), row(LINES[1]))), upload(desk, answer(row(LINES[1])), "b.csv")
    confirm(desk, second)

    first = confirm(desk, first)
    assert first.state == "waiting" and "看过以后账上有了变化" in shown(desk, first)
    assert states() == ["sent", "credited", "sent"]
    first = confirm(desk, first)
    assert first.state == "done" and states() == ["credited", "credited", "sent"]


def test_of_two_uploads_of_one_file_one_wins_with_words(world: World, desk: Client, client: Client) -> None:
    send(world, LINES)
    content = answer(*map(row, LINES))
    mine = upload(desk, content)
    other = Client()
    other.force_login(world.fund_manager, backend="django.contrib.auth.backends.ModelBackend")
    theirs = upload(other, content, "renamed.csv")
    assert theirs.pk != mine.pk
    assert upload(desk, content).pk != 0 and Job.objects.count() == 2  # pressed twice: the same job

    confirm(other, theirs)
    mine = confirm(desk, mine)

    assert mine.state == "failed" and "renamed.csv" in mine.error
    assert BankFile.objects.count() == 1
    page = desk.post(reverse("funds:bank"), {"bank": "COMMON", "file": SimpleUploadedFile("third.csv", content)})
    assert page.status_code == 422 and "没有再记一次" in page.content.decode()


def test_confirming_twice_posts_once(world: World, desk: Client) -> None:
    send(world, LINES)
    job = upload(desk, answer(*map(row, LINES)))
    seen = job.result["fingerprint"]
    confirm(desk, job)

    page = desk.post(reverse("funds:bank_confirm", args=[job.pk]), {"fingerprint": seen})
    assert page.status_code == 302 and not runner.run(job.pk)
    assert BankFile.objects.count() == 1 and Transfer.objects.filter(kind="settle").count() == 3


def test_strange_headings_are_named_once(world: World, desk: Client) -> None:
    send(world, LINES)
    strange = dict(zip(HEADING, "甲乙丙丁戊己庚", strict=True))
    content = answer(row(LINES[0])).decode("utf-8-sig").replace(",".join(HEADING), ",".join(strange.values())).encode()
    job = upload(desk, content)
    page = shown(desk, job)
    assert "列名认不出来" in page and LINES[0].account not in page and LINES[0].account[-4:] in page
    fields = ("serial", "account", "name", "amount", "status", "reason", "reference")
    wrong = desk.post(reverse("funds:bank_columns", args=[job.pk]), {"serial": "甲", "account": "甲"})
    assert wrong.status_code == 422 and "选了两次" in wrong.content.decode()

    desk.post(reverse("funds:bank_columns", args=[job.pk]), dict(zip(fields, strange.values(), strict=True)))
    confirm(desk, ran(job))

    assert states()[0] == "credited" and HeadingMapping.objects.get().made_by == world.cashier
    later = upload(desk, content.replace(b"QH0001", b"QH0002"), "b.csv")
    assert later.result["stage"] == "preview"


def test_unknown_words_are_explained_before_anything_is_posted(world: World, desk: Client) -> None:
    send(world, LINES)
    job = upload(desk, answer(row(LINES[0], "妥了"), row(LINES[1], "失败", "查无此人")))
    page = shown(desk, job)
    assert "妥了" in page and "查无此人" in page and "确认，记账" not in page
    confirm(desk, job)
    assert set(states()) == {"sent"}

    desk.post(reverse("funds:bank_words", args=[job.pk]), {"status-0": "credited", "reason-0": "account_not_found"})
    confirm(desk, ran(job))

    assert states()[:2] == ["credited", "returned"]
    assert Payment.objects.get(key="QH0002").returned_reason == "账号不存在：查无此人"


def test_a_file_that_contradicts_itself_offers_no_confirmation(world: World, desk: Client) -> None:
    send(world, LINES)
    job = upload(desk, answer(*map(row, LINES), ["合计", "共 4 笔", "", "2400.00", "", "", ""]))

    assert "不能记账" in shown(desk, job) and "确认，记账" not in shown(desk, job)
    confirm(desk, job)
    assert set(states()) == {"sent"}


def test_a_file_left_aside_leaves_nothing(world: World, desk: Client) -> None:
    send(world, LINES)
    job = upload(desk, answer(row(LINES[0], name="别人")))

    desk.post(reverse("funds:bank_cancel", args=[job.pk]))

    job.refresh_from_db()
    assert (job.state, job.result, job.input_file.name) == ("cancelled", {}, "")
    assert not BankFile.objects.exists() and set(states()) == {"sent"}


def test_a_missing_account_column_is_asked_for_and_not_called_another_account(world: World, desk: Client) -> None:
    send(world, LINES)
    content = answer(*map(row, LINES)).replace("收款账号".encode(), "卡折号码".encode())

    job = upload(desk, content)
    page = shown(desk, job)
    assert job.result["stage"] == "headings" and "没有找到这几列" in page and "账号不同" not in page
    fields = {"account": "卡折号码", "amount": "金额", "status": "处理结果", "serial": "客户流水"}
    desk.post(reverse("funds:bank_columns", args=[job.pk]), fields)
    confirm(desk, ran(job))

    assert set(states()) == {"credited"}


def test_text_that_is_no_table_is_no_bank_file(world: World, desk: Client) -> None:
    job = upload(desk, "今天天气很好。\n没有什么可说的。\n".encode(), "a.txt")

    assert job.state == "failed" and "里没有表格" in job.error
    assert "里没有表格" in shown(desk, job) and not BankFile.objects.exists()


def test_a_workbook_that_kills_its_reader_fails_once_in_words(world: World, desk: Client) -> None:
    strings = part_of(xlsx_file(HEADING, row(LINES[0])), "xl/sharedStrings.xml")
    bomb = repacked(xlsx_file(HEADING, row(LINES[0])), strings=re.sub(rb'ount="[0-9]+"', b'ount="4000000000"', strings))

    job = upload(desk, bomb, "a.xlsx")

    assert (job.state, job.attempts) == ("failed", 1) and "打不开" in job.error


def test_a_file_of_others_offers_another_file_and_no_entry(world: World, desk: Client) -> None:
    send(world, LINES)
    job = upload(desk, answer(*(row(PayLine(f"X{n}", "别人", f"999998{n:013}", 100)) for n in range(4))))

    page = shown(desk, job)
    assert "没有一笔是我们发出的" in page and "换一家银行" in page and "确认，记账" not in page
    job = confirm(desk, job)

    assert job.state == "waiting" and not BankTask.objects.exists() and not BankFile.objects.exists()


# ---------------------------------------------------------------- tasks


STRANGER = PayLine("X1", "外人", "9999980000000000099", 12_300)


def test_a_posted_answer_with_a_line_that_is_not_ours_is_shown(world: World, desk: Client) -> None:
    send(world, LINES)
    nameless = row(STRANGER, name="")
    job = confirm(desk, upload(desk, answer(row(LINES[0]), row(STRANGER), [*nameless[:-1], "R8"])))

    page = desk.get(reverse("funds:bank_file", args=[job.result["file"]]))

    assert page.status_code == 200 and "外人" in page.content.decode() and "—" in page.content.decode()
    assert "外人" in desk.get(reverse("funds:bank_tasks")).content.decode() or BankTask.objects.count() == 4


def test_money_paid_twice_is_a_task_that_says_what_to_do(world: World, desk: Client) -> None:
    send(world, LINES)
    confirm(desk, upload(desk, answer(row(LINES[0]))))
    job = upload(desk, answer(row(LINES[0], reference="B777")), "b.csv")
    assert "可能付了两次" in shown(desk, job)

    confirm(desk, job)

    task = BankTask.objects.get(kind="paid_again")
    page = desk.get(reverse("funds:bank_task", args=[task.pk])).content.decode()
    assert "又付了一次" in page and "请银行退回" in page and "多付的已经追回" in page
    assert Transfer.objects.filter(kind="settle").count() == 1


def test_what_one_answer_left_open_is_settled_together(world: World, desk: Client, log_in: Any) -> None:  # noqa: F811
    send(world, LINES)
    job = confirm(desk, upload(desk, answer(row(LINES[0]), row(STRANGER))))
    url = reverse("funds:bank_file_settle", args=[job.result["file"]])
    assert url in desk.get(reverse("funds:bank_file", args=[job.result["file"]])).content.decode()
    assert "3 件没有解决" in desk.get(url).content.decode()
    assert desk.post(url, {"how": "not_ours", "note": "", "key": new_key()}).status_code == 422

    desk.post(url, {"how": "not_ours", "note": "传错了文件", "key": new_key()})

    assert set(BankTask.objects.values_list("state", "how", "note")) == {("settled", "not_ours", "传错了文件")}
    assert states() == ["credited", "sent", "sent"]
    assert log_in(world.auditor).get(url).status_code == 403


def test_a_task_is_asked_about_and_settled_in_words(world: World, desk: Client) -> None:
    send(world, LINES)
    confirm(desk, upload(desk, answer(row(LINES[0]), row(LINES[1], amount="380.00"))))
    assert count_bank_tasks(world.cashier) == 2 and count_bank_tasks(world.auditor) == 0
    task = BankTask.objects.get(kind="amount_mismatch")
    with clock.frozen_at(START + datetime.timedelta(days=9)):
        page = desk.get(reverse("funds:bank_tasks")).content.decode()
        assert "金额不同" in page and "9 天" in page and "没有回单" in page
    url = reverse("funds:bank_task", args=[task.pk])
    assert "发出 800 元，银行 380 元" in desk.get(url).content.decode()

    desk.post(url, {"asked": "1"})
    assert "等银行" in desk.get(reverse("funds:bank_tasks")).content.decode()
    refused = desk.post(url, {"how": "bank_mistake", "note": "", "key": new_key()})
    assert refused.status_code == 422
    desk.post(url, {"how": "bank_mistake", "note": "银行更正为 800 元", "key": new_key()})

    task.refresh_from_db()
    assert (task.state, task.settled_by, task.asked_by) == ("settled", world.cashier, world.cashier)
    assert Payment.objects.get(key="QH0002").state == "sent"
    assert "银行更正" in desk.get(url).content.decode()
    assert [one.kind for one in BankTask.objects.filter(state="open")] == ["no_answer"]


# ---------------------------------------------------------------- who, and what is out of reach


def test_who_does_not_answer_for_the_bank_reads_alone(world: World, desk: Client, log_in: Any) -> None:  # noqa: F811
    send(world, LINES)
    job = confirm(desk, upload(desk, answer(row(LINES[0]))))
    task = BankTask.objects.first()
    client = log_in(world.auditor)

    assert "传一份银行回单" not in client.get(reverse("funds:bank")).content.decode()
    assert client.get(reverse("funds:bank_file", args=[job.result["file"]])).status_code == 200
    assert client.post(reverse("funds:bank"), {}).status_code == 403
    assert "只能看" in client.get(reverse("funds:bank_task", args=[task.pk])).content.decode()
    assert client.post(reverse("funds:bank_task", args=[task.pk]), {"asked": "1"}).status_code == 403
    assert client.get(reverse("funds:bank_job", args=[job.pk])).status_code == 404
    assert log_in(world.village_clerk).get(reverse("funds:bank")).status_code == 404


def test_another_countys_bank_files_are_not_there(
    world: World,
    desk: Client,
    log_in: Any,  # noqa: F811
    stranger: Any,  # noqa: F811
) -> None:
    send(world, LINES)
    job = confirm(desk, upload(desk, answer(row(LINES[0]))))
    task = BankTask.objects.first()
    client = log_in(stranger)

    away = [("funds:bank_job", job.pk), ("funds:bank_file", job.result["file"]), ("funds:bank_task", task.pk)]
    assert {client.get(reverse(name, args=[pk])).status_code for name, pk in away} == {404}
    assert "a.csv" not in client.get(reverse("funds:bank")).content.decode()
    assert "没有要问银行的" in client.get(reverse("funds:bank_tasks")).content.decode()


def test_a_township_sees_its_own_lines_of_an_answer_alone(world: World, desk: Client, log_in: Any) -> None:  # noqa: F811
    village = a_far_village(world)
    clerk = make_staff("far_clerk", "far")
    access.appoint(clerk, "township_clerk", village.township, by=None, valid_from=START)
    send(world, [LINES[0], LINES[2]])
    of_township = funds.allocate(
        world.fund, 100_000, programme="disaster_relief", unit=village.township, year=2026, key="allocate:far"
    )
    send(world, [LINES[1]], number="PB-2", village=village, allocation=of_township)
    job = confirm(desk, upload(desk, answer(row(LINES[0]), row(LINES[1]), row(STRANGER), row(LINES[2], amount="7.00"))))

    client = log_in(clerk)
    page = client.get(reverse("funds:bank_file", args=[job.result["file"]])).content.decode()
    assert "江正2" in page and "江正1" not in page and "外人" not in page and "江正3" not in page
    assert "1 行" in page and "4 行" not in page and "1 · 800" in page and "还有没解决的" not in page
    listed = client.get(reverse("funds:bank")).content.decode()
    assert "a.csv" in listed and "1,600" not in listed
    assert not bank_tasks_in_reach(clerk).exists()
    assert client.get(reverse("funds:bank_task", args=[BankTask.objects.first().pk])).status_code == 404

    for whole in (world.cashier, world.fund_manager, world.auditor):
        page = log_in(whole).get(reverse("funds:bank_file", args=[job.result["file"]])).content.decode()
        assert "外人" in page and "江正1" in page and "4 行" in page
        assert bank_tasks_in_reach(whole).count() == 2


def a_far_village(world: World) -> OrgUnit:
    """A village of another township of the same county."""
    places: list[OrgUnit] = []
    for level, code in (("township", "990101299"), ("village", "990101299201")):
        unit = OrgUnit(
            code=code, name=f"外{level}", level=level, parent=places[-1] if places else world.county,
            province_id=world.county.province_id, prefecture_id=world.county.prefecture_id, county_id=world.county.pk,
            valid_from=world.county.valid_from, township=places[-1] if places else None,
        )  # fmt: skip
        unit.save()
        setattr(unit, level, unit)
        unit.save()
        places.append(unit)
    return places[-1]


@pytest.mark.parametrize("name", ["bank", "bank_tasks", "bank_file", "bank_job"])
def test_no_page_asks_more_the_longer_it_is(
    world: World, desk: Client, django_assert_max_num_queries: Any, name: str
) -> None:
    many = [PayLine(f"QX{n:04}", "江正", f"999998{n:013}", 100) for n in range(40)]
    send(world, [*LINES, *many])
    confirm(desk, upload(desk, answer(row(LINES[0]), *(row(line, amount="9.00") for line in many[:30]))))
    job = upload(desk, answer(*(row(line, name="别人") for line in many)), "b.csv")
    args = {"bank_file": [BankFile.objects.get().pk], "bank_job": [job.pk]}.get(name, [])

    with django_assert_max_num_queries(22):
        assert desk.get(reverse(f"funds:{name}", args=args)).status_code == 200


# ---------------------------------------------------------------- lists


def test_a_list_is_the_banks_and_is_logged_before_a_number_is_opened(world: World, desk: Client) -> None:
    batch = a_batch(world, world.brought_to("fund_reserved"), upto="released")
    url = reverse("funds:export", args=[batch.pk])

    refused = desk.post(url, {"bank": "HFNS", "reason": ""})
    assert refused.status_code == 422 and not AccessLog.objects.exists()
    rows = exported(desk, batch)

    assert len(rows[1][2]) == 19 and rows[1][4] == "2000.00" and rows[1][6] == "救助"
    entry = AccessLog.objects.get()
    assert (entry.kind, entry.subject, entry.actor_id) == ("export", f"batch:{batch.pk}", world.cashier.pk)
    assert BankFile.objects.get().batch == batch


def test_only_the_bank_that_got_the_list_is_offered_again(world: World, desk: Client) -> None:
    batch = a_batch(world, world.brought_to("fund_reserved"), upto="released")
    url = reverse("funds:export", args=[batch.pk])
    before = desk.get(url).context["form"].fields["bank"].choices
    exported(desk, batch)

    after = desk.get(url).context["form"].fields["bank"].choices

    assert len(before) > 2 and [code for code, _name in after] == ["", "HFNS"]
    assert desk.post(url, {"bank": "QHCZ", "reason": "再交一家"}).status_code == 422
    assert BankFile.objects.count() == 1


def test_what_the_bank_would_reject_is_told_line_by_line(world: World, desk: Client) -> None:
    household = world.household()
    household.head.name = "=HYPERLINK(1)"
    household.head.save()
    case = world.brought_to("fund_reserved", household=household)
    batch = a_batch(world, case, upto="released")

    page = desk.post(reverse("funds:export", args=[batch.pk]), {"bank": "QHCZ", "reason": "交银行代发"})

    text = page.content.decode()
    assert page.status_code == 422 and "当成公式" in text and case.case_no in text
    assert not BankFile.objects.exists() and AccessLog.objects.count() == 1


def test_a_long_list_is_a_job_and_is_taken_once(world: World, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists_desk, "AT_ONCE", 2)
    batch = send(world, LINES)
    given = {"bank": "HFNS", "reason": "交银行代发"}
    for _pressed in range(2):
        page = desk.post(reverse("funds:export", args=[batch.pk]), given)
        assert page.status_code == 302
    job = ran(Job.objects.get())
    assert "取清单" in desk.get(reverse("funds:bank_list", args=[job.pk])).content.decode()

    take = reverse("funds:bank_list_take", args=[job.pk])
    content = b"".join(desk.post(take).streaming_content).decode("gb18030")
    assert content.count("\n") == 4 and LINES[0].account in content
    assert desk.post(take).status_code == 302
    job.refresh_from_db()
    assert job.result_file.name == "" and AccessLog.objects.get().actor_id == world.cashier.pk


def test_a_list_that_a_second_click_has_taken_is_told_as_taken(
    world: World, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first click has read the file and taken it away; the second still has the row as it was."""
    monkeypatch.setattr(lists_desk, "AT_ONCE", 2)
    batch = send(world, LINES)
    desk.post(reverse("funds:export", args=[batch.pk]), {"bank": "HFNS", "reason": "交银行代发"})
    job = ran(Job.objects.get())
    job.result_file.storage.delete(job.result_file.name)

    page = desk.post(reverse("funds:bank_list_take", args=[job.pk]), follow=True)

    assert page.status_code == 200 and "取过了" in page.content.decode()


def test_of_two_clicks_at_once_one_gets_the_list(world: World, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read the file before either has taken it away."""
    monkeypatch.setattr(lists_desk, "AT_ONCE", 2)
    monkeypatch.setattr(FileSystemStorage, "delete", lambda storage, name: None)
    batch = send(world, LINES)
    desk.post(reverse("funds:export", args=[batch.pk]), {"bank": "HFNS", "reason": "交银行代发"})
    job = ran(Job.objects.get())
    again = Job.objects.get(pk=job.pk)

    assert lists_desk._taken(job).read().count(b"\n") == 4
    assert lists_desk._taken(again) is None


def test_the_batch_tells_which_lists_were_made_of_it_before_another_is(world: World, desk: Client) -> None:
    batch = send(world, LINES)
    pages = reverse("funds:batch", args=[batch.pk]), reverse("funds:export", args=[batch.pk])
    before = [desk.get(url).content.decode() for url in pages]
    assert "下一步：清单交给银行" in before[0] and "导出过" not in before[0] + before[1]

    exported(desk, batch)

    for page in [desk.get(url).content.decode() for url in pages]:
        assert "禾丰农商银行" in page and "4月15日" in page and str(world.cashier) in page and "可能付两次" in page
        assert "下一步" not in page


@pytest.mark.parametrize("day", ["1999-01-01", "2026-04-14"])
def test_a_day_before_the_money_was_sent_is_refused_at_the_desk(world: World, desk: Client, day: str) -> None:
    batch = send(world, LINES)
    pk = Payment.objects.get(key="QH0001").pk
    given = {"key": new_key(), "answered_on": day, "confirm": "1", f"outcome-{pk}": "credited"}

    page = desk.post(reverse("funds:answers", args=[batch.pk]), given)

    assert "不能早于 2026-04-15" in page.content.decode() and set(states()) == {"sent"}
    assert "4月15日交出去的" in desk.get(reverse("funds:answers", args=[batch.pk])).content.decode()


@pytest.mark.parametrize("day", ["1999-01-01", "2026-04-14", "2026-04-16"])
def test_cash_is_not_handed_out_before_it_was_drawn_nor_tomorrow(world: World, day: str) -> None:
    forms = (
        CashForm({"handed_on": day}, payers=[], sent_on=START),
        RosterCashForm({"handed_on": day}, colleagues=Staff.objects.none(), sent_on=START),
    )

    for form in forms:
        assert "2026-04-15" in form.errors["handed_on"][0]
        assert "4月15日交出去的" in form["handed_on"].help_text


def test_a_list_is_not_offered_after_the_bank_has_answered(world: World, desk: Client) -> None:
    batch = send(world, LINES)
    url = reverse("funds:batch", args=[batch.pk])
    assert "导出银行清单" in desk.get(url).content.decode()
    confirm(desk, upload(desk, answer(row(LINES[0]))))

    assert "导出银行清单" not in desk.get(url).content.decode()
    page = desk.post(reverse("funds:export", args=[batch.pk]), {"bank": "HFNS", "reason": "再要一份"})
    assert page.status_code == 422 and "付两次" in page.content.decode()


# ---------------------------------------------------------------- an answer that nobody decides


def test_an_answer_that_nobody_decides_is_raised_to_everybody_who_may_post_it(
    world: World,
    desk: Client,
    log_in: Any,  # noqa: F811
    stranger: Any,  # noqa: F811
) -> None:
    """Three working days after Wednesday the 15th is Monday the 20th."""
    send(world, LINES)
    job = upload(desk, answer(row(LINES[0])))
    Job.objects.filter(pk=job.pk).update(created_at=timezone.make_aware(datetime.datetime(2026, 4, 15, 10)))
    address, said = reverse("funds:bank"), "没有人决定的回单"
    manager, checker, elsewhere = log_in(world.fund_manager), Client(), Client()
    checker.force_login(world.fund_checker, backend="django.contrib.auth.backends.ModelBackend")
    elsewhere.force_login(stranger, backend="django.contrib.auth.backends.ModelBackend")

    def badge(user: Any) -> int:
        return count_bank_tasks(Staff.objects.get(pk=user.pk))

    with clock.frozen_at(datetime.date(2026, 4, 20)):
        assert said not in desk.get(address).content.decode() and badge(world.cashier) == 0
    with clock.frozen_at(datetime.date(2026, 4, 21)):
        for client in (desk, manager):
            page = client.get(address).content.decode()
            assert said in page and "a.csv" in page and "等了 6 天" in page
        assert badge(world.cashier) == badge(world.fund_manager) == 1
        for client in (checker, elsewhere):
            assert said not in client.get(address).content.decode()
        assert elsewhere.post(reverse("funds:bank_cancel", args=[job.pk])).status_code == 404

        manager.post(reverse("funds:bank_cancel", args=[job.pk]))

        job.refresh_from_db()
        assert job.state == "cancelled" and job.result == {}
        assert badge(world.fund_manager) == 0 and states() == ["sent"] * 3


def test_an_answer_that_somebody_else_has_posted_meanwhile_waits_for_nobody(
    world: World,
    desk: Client,
    log_in: Any,  # noqa: F811
) -> None:
    send(world, LINES)
    job = upload(desk, answer(row(LINES[0])))
    Job.objects.filter(pk=job.pk).update(created_at=timezone.make_aware(datetime.datetime(2026, 4, 1)))
    manager = log_in(world.fund_manager)
    assert bank_jobs.undecided(START).get() == job

    confirm(manager, upload(manager, answer(row(LINES[0]))))

    assert not bank_jobs.undecided(START).exists()


def test_an_answer_in_time_is_laid_aside_by_nobody_but_whoever_brought_it(
    world: World,
    desk: Client,
    log_in: Any,  # noqa: F811
) -> None:
    send(world, LINES)
    job = upload(desk, answer(row(LINES[0])))
    Job.objects.filter(pk=job.pk).update(created_at=timezone.make_aware(datetime.datetime(2026, 4, 15, 10)))

    assert log_in(world.fund_manager).post(reverse("funds:bank_cancel", args=[job.pk])).status_code == 404
