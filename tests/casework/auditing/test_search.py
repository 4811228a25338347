"""The auditor's search: by everything that stands on a paper, within her reach alone, a page at a time, written down."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from access import services as access
from access.models import OrgUnit
from audit.models import AccessLog
from casework.auditing import search
from casework.auditing.search import finding
from casework.auditing.search.reading import read
from families.folding import search_text
from families.models import Person
from funds import receipts
from funds import services as funds
from funds.models import BankFile, BankLine, Payment, Transfer
from tests.casework.test_rosters import listed
from tests.desks.test_audit import paid
from tests.world import START, World, id_number, make_staff


def hits(user: Any, kind: str = "", **asked: Any) -> dict[str, dict[int, str]]:
    """{kind: {pk: why}}"""
    found = search.find(user, search.Asked(**asked), kind)
    return {group.kind.code: {hit.pk: hit.because for hit in group.hits} for group in found.groups}


def named(person: Person, name: str) -> None:
    person.name, person.name_search = name, search_text(name)
    person.save()


def of_the_bank(world: World, payment: Payment, **more: Any) -> BankLine:
    file = BankFile.objects.create(
        kind="answer", bank="hefeng", format_version="1", sha256="a" * 64, filename="回单.csv", count=1, total_fen=1,
        made_on=START, made_by=world.cashier,
    )  # fmt: skip
    return BankLine.objects.create(
        **{
            "file": file, "n": 1, "bank": "hefeng", "serial": "SER-9", "bank_reference": "BK-991", "owns_reference": False,
            "account_last4": "7788", "name": "江正", "amount_fen": 200_000, "outcome": "credited", "verdict": "matched",
            "result": "matched_success", "payment": payment, "posted": False,
        }
        | more
    )  # fmt: skip


# ---------------------------------------------------------------- what is found, and why


def test_a_person_is_found_by_name_any_part_of_it_pinyin_and_initials(world: World) -> None:
    case = paid(world)
    named(case.household.head, "曾红明")

    for q in ("曾红明", "红明", "曾紅明", "zenghongming", "zenghong", "zhm", "ZHM"):
        found = hits(world.auditor, q=q)
        assert set(found) >= {"case", "family", "payment"}, q
        assert case.pk in found["case"] and case.household_id in found["family"], q
    assert "姓名或拼音" in hits(world.auditor, q="zhm")["case"][case.pk]
    for q in ("hongming", "红zz", "'", "\\", "%", "a':*"):
        assert "case" not in hits(world.auditor, q=q), q


def test_an_identity_number_is_found_whole_and_never_shown(world: World, client: Client) -> None:
    case = paid(world)
    head = case.household.head
    number = id_number(head.birth_date, 7)
    head.set_id_number(number)
    head.save()
    client.force_login(world.auditor, backend="django.contrib.auth.backends.ModelBackend")

    page = client.post(reverse("audit:search"), {"q": number.lower()}).content.decode()
    in_address = client.get(reverse("audit:search"), {"q": number})

    shown = page.replace(f'value="{number.lower()}"', "")  # her own words in the box
    assert "身份证号" in page and case.case_no in page and number not in shown and number.lower() not in shown
    assert in_address.context["found"].groups == [] and "不要留在网址里" in in_address.content.decode()
    assert hits(world.auditor, q=number[:17] + ("1" if number[17] != "1" else "2")) == {}


def test_an_account_is_found_whole_and_by_its_end(world: World) -> None:
    case = paid(world)
    payment = Payment.objects.get(subject=case.subject)
    number = case.household.accounts.get()
    whole = next(
        f"999999{n:013d}" for n in range(1, 20_000) if f"{n:04d}"[-4:] == number.number_last4 and _is(number, n)
    )

    by_whole, by_end = hits(world.auditor, q=whole), hits(world.auditor, q=number.number_last4)

    assert "登记过这个账号" in by_whole["family"][case.household_id] and "收款账号" in by_whole["payment"][payment.pk]
    assert "账户尾号" in by_end["payment"][payment.pk] and case.household_id in by_end["family"]


def _is(account: Any, n: int) -> bool:
    from access.vault import blind_index

    return blind_index("account", f"999999{n:013d}") == account.number_index


def test_papers_are_found_by_their_numbers(world: World) -> None:
    case = paid(world, reference="HF-77")
    payment = Payment.objects.select_related("batch").get(subject=case.subject)
    transfer = Transfer.objects.filter(subject=case.subject).earliest("id")
    line = of_the_bank(world, payment)

    assert "个案编号" in hits(world.auditor, q=case.case_no)["case"][case.pk]
    assert case.pk in hits(world.auditor, q=case.case_no[-3:])["case"]
    assert "户号" in hits(world.auditor, q=case.household_no)["case"][case.pk]
    assert "回单号" in hits(world.auditor, q="hf-77")["payment"][payment.pk]
    assert "批次号" in hits(world.auditor, q=payment.batch.number)["batch"][payment.batch_id]
    assert "我们的流水号" in hits(world.auditor, q=payment.key.upper())["payment"][payment.pk]
    assert "流水号" in hits(world.auditor, q=transfer.key)["transfer"][transfer.pk]
    assert "银行流水号" in hits(world.auditor, q="SER-9")["bank"][line.pk]
    assert line.pk in hits(world.auditor, q="BK-991")["bank"] and line.pk in hits(world.auditor, q="7788")["bank"]


def test_an_income_is_found_by_its_receipt_its_document_and_its_donor(world: World) -> None:
    fund = funds.open_fund("GIVE", "募捐", source="raised", unit=world.county)
    donor = receipts.add_donor(world.county, "company", "禾丰米业", key="d1")
    income = receipts.Income(
        "donation", 5_000_00, START, donor=donor, receipt_no="P-0099", document_no="青财〔2026〕9号"
    )
    receipt = receipts.record(fund, income, by=world.fund_manager, key="r1")

    for q, why in (("P-0099", "票据号"), ("青财〔2026〕9号", "文号"), ("禾丰米业", "捐赠人")):
        assert why in hits(world.auditor, q=q)["receipt"][receipt.pk], q


def test_payments_of_a_list_are_found_by_payee_and_the_list_by_its_people(world: World) -> None:
    roster, _batch = listed(world)
    line = roster.lines.select_related("person").first()
    named(line.person, "欧阳青禾")
    payment = Payment.objects.get(subject=line.key)

    by_name, by_number = hits(world.auditor, q="oyqh"), hits(world.auditor, q=f"roster:{roster.pk}:{line.n}")

    assert "收款人姓名或拼音" in by_name["payment"][payment.pk]
    assert "名册里有这个人" in by_name["list"][roster.pk]
    assert "名册的一行" in by_number["payment"][payment.pk] and "名册号" in by_number["list"][roster.pk]
    assert "名册的名称" in hits(world.auditor, q="春节慰问")["list"][roster.pk]


def test_amounts_and_days_are_found_in_the_box_and_beside_it(world: World) -> None:
    case, other = paid(world, amount_fen=123_400), paid(world, amount_fen=200_000, reference="HF-78")

    for q in ("1,234元", "1234.00元", "1000-1500元", "1000到1500元"):
        assert set(hits(world.auditor, q=q)["case"]) == {case.pk}, q
    assert set(hits(world.auditor, q="2026-04-15")["case"]) == {case.pk, other.pk}
    assert "case" not in hits(world.auditor, q="2026-04-16")
    assert set(hits(world.auditor, least_fen=150_000, most_fen=250_000)["case"]) == {other.pk}
    assert "family" not in hits(world.auditor, least_fen=1)  # a family has no amount
    assert read("1234").bounds == {} and read("5元到3").bounds == {}


# ---------------------------------------------------------------- pages, reach, the log


def test_one_kind_goes_on_page_by_page_without_gap_or_repetition(world: World, monkeypatch: Any) -> None:
    cases = {world.open().pk for _n in range(7)}
    monkeypatch.setattr(finding, "PAGE", 3)
    seen: list[int] = []
    before = None
    for _n in range(4):
        found = search.find(world.auditor, search.Asked(first_day=START), "case", before)
        if not found.groups:
            break
        seen += [hit.pk for hit in found.groups[0].hits]
        before = found.groups[0].before
        if before is None:
            break

    assert seen == sorted(cases, reverse=True)


def test_nothing_of_elsewhere_is_found_by_anything(world: World) -> None:
    case = paid(world)
    payment = Payment.objects.select_related("batch").get(subject=case.subject)
    of_the_bank(world, payment)
    county = OrgUnit.objects.create(
        code="990102", name="邻县", level="county", parent=world.county.parent, valid_from=START,
        province_id=world.county.province_id, prefecture_id=world.county.prefecture_id,
    )  # fmt: skip
    county.county = county
    county.save()
    stranger = make_staff("other_auditor", "邻县审计")
    access.appoint(stranger, "auditor", county, by=None, valid_from=START)

    for q in (
        case.case_no, case.household_no, "HF-77", payment.batch.number, payment.key, case.head_name, "BK-991", "7788",
        payment.account_last4, "2000元", "2026-04-15",
    ):  # fmt: skip
        assert hits(stranger, q=q) == {}, q
    assert hits(world.township_clerk, q=case.case_no) == {}


def test_each_search_is_written_down_without_its_text(world: World, client: Client) -> None:
    case = paid(world)
    client.force_login(world.auditor, backend="django.contrib.auth.backends.ModelBackend")

    client.get(reverse("audit:search"))
    assert not AccessLog.objects.exists()
    for _n in range(2):
        client.get(reverse("audit:search"), {"q": case.case_no})
    client.get(reverse("audit:search"), {"q": "没有这个人"})

    same, again, other = AccessLog.objects.order_by("id")
    assert {row.kind for row in (same, again, other)} == {"search"} and same.actor_id == world.auditor.pk
    name, asked, count, which = same.fields.split(",")
    assert (name, count) == ("search", "1") and len(asked) == len(which) == 32
    assert again.fields == same.fields and other.fields.split(",")[1] != asked and other.fields.split(",")[2] == "0"
    assert case.case_no not in f"{same.fields}{same.reason}"
    assert "查找，找到 1 个" in client.get(reverse("audit:reads")).content.decode()


def test_the_number_of_queries_does_not_grow(world: World, django_assert_max_num_queries: Any) -> None:
    case = paid(world)
    named(case.household.head, "曾红明")

    def counted(**asked: Any) -> int:
        with django_assert_max_num_queries(40) as captured:
            search.find(world.auditor, search.Asked(**asked))
        return len(captured)

    counted(q="zhm")  # her posts are known from here on
    few = [counted(q="zhm"), counted(q=case.case_no), counted(first_day=START)]
    for _n in range(8):
        named(world.open().household.head, "曾红明")
    assert [counted(q="zhm"), counted(q=case.case_no), counted(first_day=START)] == few


@pytest.mark.usefixtures("as_the_owner")  # with whose rights families_persons_named looks
def test_a_name_is_looked_up_by_its_index(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT id FROM families_person WHERE families_name_keys(name, name_search) @@ '''zhm'':*'::tsquery"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "persons_by_name" in plan


def test_odd_input_is_an_empty_answer_and_no_fault(world: World, client: Client) -> None:
    client.force_login(world.auditor, backend="django.contrib.auth.backends.ModelBackend")
    for q in ("'", '"', "\\", "🦉", "9" * 80, "元", "-元", "roster:", "1-2-3", "a" * 200, "〔〕", ":*", "&|!()"):
        assert client.get(reverse("audit:search"), {"q": q, "kind": "x", "before": "y"}).status_code == 200, q
