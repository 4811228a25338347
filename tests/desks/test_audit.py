"""The auditor's desk: everything in her unit can be followed back, nothing can be changed, every look is written down."""

import csv
import io
import json
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.urls import get_resolver, reverse

from access import services as access
from access.models import OrgUnit
from audit import checkpoints as seals
from audit.context import acting
from audit.models import AccessLog, Entry
from casework import papers, payments
from casework.desks.audit import records
from casework.desks.funds.forms import new_key
from casework.desks.public.notices import check_code, number_of
from casework.models import Case, CaseEvent
from casework.trail import of_case
from families import services as families
from families.folding import search_text
from families.models import Person
from funds.models import Payment, Transfer
from tests.owner import owner
from tests.world import START, World, case_now, make_staff


@pytest.fixture
def log_in() -> Any:
    def log_in(staff: Any) -> Client:
        client = Client()
        client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return log_in


@pytest.fixture
def auditor(world: World, log_in: Any) -> Client:
    return log_in(world.auditor)


def paid(world: World, *, amount_fen: int = 200_000, reference: str = "HF-77", **more: Any) -> Case:
    case = world.brought_to("fund_reserved", amount_fen=amount_fen, **more)
    batch = payments.build_batch([case.pk], by=world.fund_manager, key=new_key())
    payments.check_batch(batch.pk, by=world.fund_checker, key=new_key())
    payments.release_batch(batch.pk, by=world.cashier, key=new_key())
    payment = Payment.objects.get(subject=case.subject)
    payments.record_answers(
        [payments.Answer(payment.pk, True, bank_reference=reference)], by=world.cashier, key=new_key()
    )
    return case_now(case)


def tampered(sql: str, *values: Any) -> None:
    """What somebody with the database owner's rights could do."""
    with owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE casework_caseevent DISABLE TRIGGER audit_append_only")
        cursor.execute("ALTER TABLE casework_publicnotice DISABLE TRIGGER casework_guard")
        cursor.execute(sql, values)
        cursor.execute("ALTER TABLE casework_publicnotice ENABLE ALWAYS TRIGGER casework_guard")
        cursor.execute("ALTER TABLE casework_caseevent ENABLE ALWAYS TRIGGER audit_append_only")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


# ---------------------------------------------------------------- search


def test_a_case_is_found_by_all_that_is_written_on_a_paper(world: World, auditor: Client) -> None:
    case, other = paid(world, amount_fen=123_400), paid(world, amount_fen=200_000, reference="HF-78")
    household, head = case.household, case.household.head
    head.name_search = search_text("曾红明")
    head.save()

    def found(**asked: str) -> set[int]:
        groups = auditor.post(reverse("audit:search"), asked).context["found"].groups
        return {hit.pk for group in groups if group.kind.code == "case" for hit in group.hits}

    for q in (case.case_no, household.household_no, "曾红", "zenghong", "zhm"):
        assert found(q=q) == {case.pk}, q
    assert found(least="1000", most="1300") == {case.pk}
    assert found(q="zhm", least="1500") == set()
    assert found(first="2026-04-15", last="2026-04-15") == {case.pk, other.pk}
    assert found(first="2026-04-16") == set()
    assert found(q="不存在的人") == set()


# ---------------------------------------------------------------- the trail


def test_a_payment_is_followed_back_to_the_survey(world: World, auditor: Client) -> None:
    case = paid(world)
    payment = Payment.objects.get(subject=case.subject)

    page = auditor.get(reverse("audit:payment", args=[payment.pk]), follow=True)

    trail = page.context["trail"]
    assert [bool(card.record) for card in trail.cards] == [True] * 6
    assert [card.record.pk for card in trail.cards[:2]] == [payment.pk, payment.batch_id]
    assert trail.cards[2].record.action == "approve" and trail.cards[5].record == case.survey
    assert trail.is_intact and not trail.disagreements
    text = page.content.decode()
    assert "校验通过" in text and "2,000 元" in text and payment.payee_name in text
    for card in trail.cards:
        link = Entry.objects.get(table=card.table, row_id=card.row)
        digits = bytes(link.hash).hex()
        assert f"{digits[:4]}…{digits[-2:]}" == card.fingerprint and card.fingerprint in text


def test_every_act_and_every_change_stands_in_the_timeline(world: World) -> None:
    case = paid(world)

    happenings = of_case(case).happenings

    assert sum(item.kind == "act" for item in happenings) == CaseEvent.objects.filter(case=case).count()
    assert (
        sum(item.record_kind == "payment" for item in happenings)
        == Payment.history.filter(subject=case.subject).count()
    )
    assert [item.at for item in happenings] == sorted((item.at for item in happenings), reverse=True)
    assert all(item.hash for item in happenings if item.kind != "read")


def test_a_broken_step_is_named(world: World, auditor: Client) -> None:
    case = paid(world)
    signed = CaseEvent.objects.get(case=case, action="approve")
    tampered("UPDATE casework_caseevent SET amount_fen = 120000 WHERE id = %s", signed.pk)

    page = auditor.get(reverse("audit:trail", args=[case.pk]))

    trail = page.context["trail"]
    assert not trail.is_intact
    assert [card.n for card in trail.cards if card.is_broken] == [3]
    text = page.content.decode()
    assert "断裂" in text and "第 1 步和第 3 步对不上：付款 2,000 元，批准的是 1,200 元" in text


def test_the_page_says_who_has_read_this_familys_data(world: World, auditor: Client) -> None:
    case, other = paid(world), paid(world)
    families.reveal_id_number(case.household.head, by=world.township_clerk, reason="核对银行退回的户名")
    families.reveal_id_number(other.household.head, by=world.township_clerk, reason="别家的事")

    page = auditor.get(reverse("audit:trail", args=[case.pk])).content.decode()
    listed = auditor.get(reverse("audit:reads"), {"case": case.pk}).context["rows"]

    assert "核对银行退回的户名" in page and "别家的事" not in page
    assert [row["entry"].reason for row in listed] == ["核对银行退回的户名"]
    assert AccessLog.objects.count() == 2  # reading a masked page is no access


def test_two_versions_of_a_survey_are_compared(world: World, auditor: Client) -> None:
    case = world.brought_to("registered")
    second = world.survey(case.household, facts={"household_size": 3})
    case.survey = second
    with acting(world.village_clerk):
        case.save()

    page = auditor.get(reverse("audit:trail", args=[case.pk])).content.decode()

    assert "调查表，第 1 版和第 2 版" in page
    assert "<del>2</del>" in page.replace(" 人", "") and "<ins>3</ins>" in page.replace(" 人", "")


def test_a_case_without_payment_has_a_trail_too(world: World, auditor: Client) -> None:
    page = auditor.get(reverse("audit:trail", args=[world.open().pk]))

    assert page.status_code == 200 and "还没有付款" in page.content.decode()


# ---------------------------------------------------------------- versions of a record


def test_a_change_shows_old_and_new_in_words(world: World, auditor: Client) -> None:
    case = paid(world)

    page = auditor.get(reverse("audit:record", args=["case", case.pk]))

    changes = {change.label: (change.before, change.after) for change in page.context["changes"]}
    assert changes["状态"] == ("拨付中", "已到账")
    assert "<del>拨付中</del>" in page.content.decode() and "<ins>已到账</ins>" in page.content.decode()


def test_sealed_values_and_fingerprints_are_never_shown(world: World, auditor: Client) -> None:
    household = world.household()
    head = household.head
    head.phone = "13800000000"
    with acting(world.village_clerk):
        head.save()
    account = families.record_account(
        household, head, "9999990000000000014", kind="card", bank="禾丰", by=world.township_clerk
    )

    pages = "".join(
        auditor.get(reverse("audit:record", args=[kind, pk]) + tail).content.decode()
        for kind, pk in (("person", head.pk), ("account", account.pk))
        for tail in ("", f"?to={Person.history.filter(id=head.pk).earliest().history_id}")
    )

    assert "（不显示）" in pages
    for secret in (
        head.person_key, account.number_index, "9999990000000000014", "13800000000",
        bytes(head.id_number_sealed).hex()[:24], str(head.uid),
    ):  # fmt: skip
        assert secret not in pages


def test_a_change_around_the_program_is_marked(world: World, auditor: Client) -> None:
    case = world.open()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE casework_case SET amount_fen = 99 WHERE id = %s", [case.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    record = auditor.get(reverse("audit:record", args=["case", case.pk])).content.decode()
    trail = auditor.get(reverse("audit:trail", args=[case.pk])).content.decode()

    assert "绕过程序改的" in record and "<ins>0.99 元</ins>" in record
    assert "绕过程序改的" in trail


@pytest.mark.parametrize("kind", sorted(records.kinds()))
def test_every_kind_of_record_can_be_asked_for(world: World, kind: str) -> None:
    known = records.kinds()[kind]

    list(records.within_reach(world.auditor, known)[:1])  # PostgreSQL understands it
    assert not records.within_reach(world.village_clerk, known).exists()


def test_every_stored_field_has_a_name_in_words() -> None:
    from casework.desks.audit.words import FIELD_WORDS

    missing = {
        field.name
        for kind in records.kinds().values()
        for field in kind.model.history.model._meta.concrete_fields
        if field.name not in records.HISTORY and field.attname not in records.HISTORY and field.name not in FIELD_WORDS
    }
    assert not missing


# ---------------------------------------------------------------- files, reads, seals


def test_the_trail_is_exported_with_its_fingerprints_and_logged(world: World, auditor: Client) -> None:
    case = paid(world)
    url = reverse("audit:export", args=[case.pk])

    refused = auditor.post(url, {"form": "json", "reason": "看"})
    assert refused["Content-Type"].startswith("text/html") and not AccessLog.objects.exists()
    facts = json.loads(auditor.post(url, {"form": "json", "reason": "抽查第 3 号"}).content)
    rows = list(
        csv.reader(io.StringIO(auditor.post(url, {"form": "csv", "reason": "抽查第 3 号"}).content.decode("utf-8-sig")))
    )

    assert facts["case_no"] == case.case_no and facts["intact"] and len(facts["steps"]) == 6
    stored = {(e.table, e.row_id): bytes(e.hash).hex() for e in Entry.objects.filter(stream=case.subject)}
    assert stored.items() <= {(e["table"], e["row"]): e["hash"] for e in facts["entries"]}.items()
    assert len(rows) == len(facts["timeline"]) + 3  # who took it, the heading, and the first export itself
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert [(e.kind, e.subject, e.reason) for e in AccessLog.objects.all()] == [
        ("export", case.subject, "抽查第 3 号")
    ] * 2


def test_reads_are_listed_for_the_unit_and_filtered(world: World, auditor: Client) -> None:
    household = world.household()
    stranger = make_staff("far_away", "远方的人")
    families.reveal_id_number(household.head, by=world.township_clerk, reason="核对户名一次")
    families.reveal_id_number(household.head, by=stranger, reason="别的县的人看的")

    def reasons(**asked: str) -> list[str]:
        return [row["entry"].reason for row in auditor.get(reverse("audit:reads"), asked).context["rows"]]

    assert reasons() == reasons(who="township", kind="unmask") == ["核对户名一次"]
    assert reasons(kind="export") == reasons(first="2026-04-16") == []
    unread = auditor.get(reverse("audit:reads"), {"first": "abc"}).content.decode()
    assert "abc" in unread and "没有按它筛选" in unread


@pytest.mark.django_db(transaction=True)  # a seal covers what is committed
def test_an_opened_paper_is_listed_with_its_title_and_its_case(world: World, auditor: Client, log_in: Any) -> None:
    case = world.brought_to("draft")
    kept = families.add_document(
        case.household,
        ContentFile(b"1", name="a.txt"),
        kind="house_photo",
        by=world.village_clerk,
        subject=case.subject,
    )
    loose = families.add_document(case.household, ContentFile(b"2", name="b.txt"), kind="other", by=world.village_clerk)
    for document in (kept, loose):
        papers.open_file(world.township_clerk, document)

    page = auditor.get(reverse("audit:reads"))

    of_family, of_case = page.context["rows"]
    assert (of_case["words"], of_case["subject"]) == ("打开材料：房屋正面", f"个案 {case.case_no}")
    assert of_case["url"] == reverse("audit:trail", args=[case.pk])
    assert (of_family["words"], of_family["subject"]) == ("打开材料：其他材料", f"户 {case.head_name}")
    assert "house_photo" not in page.content.decode() and case.subject not in page.content.decode()


def test_seals_are_listed_and_checked(world: World, auditor: Client) -> None:
    url = reverse("audit:checkpoints")
    seal = seals.seal()

    plain, checked = auditor.get(url), auditor.get(url, {"check": "1", "printed": seal.fingerprint})

    assert seal.fingerprint in plain.content.decode()
    assert checked.context["checked"] and checked.context["faults"] == 0
    assert checked.context["found"].seal == seal and "这是封存码" in checked.content.decode()


def test_the_foot_of_a_paper_names_the_last_seal_and_is_compared(world: World, auditor: Client) -> None:
    case = world.brought_to("village_notice")
    notice = case.notices.get()
    seal = seals.seal()
    foot = f"{seal.total} {seal.fingerprint}"

    paper = Client().get(reverse("public:notice", args=[case.village.code, notice.pk]))
    known = auditor.get(reverse("audit:checkpoints"), {"printed": f" {foot}  2026-04-15"})
    other = auditor.get(reverse("audit:checkpoints"), {"printed": f"{seal.total - 1} {seal.fingerprint}"})

    assert foot in paper.content.decode()
    assert known.context["found"].seal == seal and other.context["found"].seal is None


def test_the_code_printed_on_a_notice_is_told_from_a_seal_and_from_an_unknown_one(
    world: World, auditor: Client, log_in: Any
) -> None:
    case = world.brought_to("village_notice")
    notice = case.notices.get()
    url, code = reverse("audit:checkpoints"), check_code(notice)

    known = auditor.get(url, {"printed": f" {code.lower()} "}).content.decode()
    unknown = auditor.get(url, {"printed": "0000-0000-0000"}).content.decode()
    tampered("UPDATE casework_publicnotice SET facts = jsonb_set(facts, '{people}', '9') WHERE id = %s", notice.pk)
    changed = auditor.get(url, {"printed": code}).content.decode()

    assert "这是公示的核对码，库里有" in known and case.case_no in known and number_of(notice) in known
    assert "没有这个码" in unknown and "没有这个码" not in known
    assert "内容变了" in changed and "还算得出" not in changed


# ---------------------------------------------------------------- reach, and no way to change anything


def test_another_countys_cases_are_not_there(world: World, log_in: Any) -> None:
    case = paid(world)
    county = OrgUnit.objects.create(
        code="990102", name="邻县", level="county", parent=world.county.parent, valid_from=START,
        province_id=world.county.province_id, prefecture_id=world.county.prefecture_id,
    )  # fmt: skip
    county.county = county
    county.save()
    stranger = make_staff("other_auditor", "邻县审计")
    access.appoint(stranger, "auditor", county, by=None, valid_from=START)
    client = log_in(stranger)
    payment = Payment.objects.get(subject=case.subject)

    for name, args in (
        ("audit:trail", [case.pk]), ("audit:export", [case.pk]), ("audit:payment", [payment.pk]),
        ("audit:record", ["case", case.pk]), ("audit:record", ["payment", payment.pk]),
        ("audit:record", ["batch", payment.batch_id]), ("audit:record", ["household", case.household_id]),
        ("audit:record", ["person", case.household.head_id]), ("audit:record", ["fund", world.fund.pk]),
    ):  # fmt: skip
        assert client.get(reverse(name, args=args)).status_code == 404, name
    assert client.get(reverse("audit:reads"), {"case": case.pk}).status_code == 404
    assert client.get(reverse("audit:search"), {"q": case.case_no}).context["found"].groups == []
    assert client.get(reverse("audit:search")).context["latest"] == []


@pytest.mark.parametrize("who", ["village_clerk", "township_approver", "fund_manager", "sysadmin"])
def test_the_desk_is_the_auditors_alone(world: World, log_in: Any, who: str) -> None:
    case = world.open()
    client = log_in(world.staff[who])

    for url in (
        reverse("audit:search"), reverse("audit:trail", args=[case.pk]), reverse("audit:reads"),
        reverse("audit:checkpoints"), reverse("audit:record", args=["case", case.pk]),
    ):  # fmt: skip
        assert client.get(url).status_code == 404


def test_an_auditor_changes_nothing_by_any_address(world: World, auditor: Client) -> None:
    """Every address of the desks that takes two numbers or fewer is posted to; cases, money and signatures stay as they were."""
    case, waiting = paid(world), world.brought_to("fund_reserved")
    batch = payments.build_batch([waiting.pk], by=world.fund_manager, key=new_key())
    line = Payment.objects.get(subject=waiting.subject)
    values = {
        "fund_id": world.fund.pk, "batch_id": batch.pk, "payment_id": line.pk, "case_id": waiting.pk, "pk": waiting.pk,
        "household_id": case.household_id, "household": case.household_id,
    }  # fmt: skip
    given = {
        "key": new_key(), "reason": "审计想改一改", "count": "1", "total_fen": "2000", "amount_fen": "1", "confirm": "1",
        "case": [waiting.pk], "all": "1", "rest": "1", "answered_on": "2026-04-15", "code": "X-1", "name": "X",
        "source": "dues", "unit": world.county.pk, "document_no": "1", "programme": "disaster_relief", "year": "2026",
    }  # fmt: skip

    def everything() -> tuple:
        return (
            CaseEvent.objects.count(), Transfer.objects.count(), Case.history.count(), Payment.history.count(),
            type(batch).history.count(), type(world.fund).history.count(),
        )  # fmt: skip

    before = everything()
    addresses = list(_addresses(values))
    answers = {url: auditor.post(url, given).status_code for url in addresses}

    assert len(addresses) >= 15, addresses
    assert everything() == before
    assert {code for url, code in answers.items() if url.startswith("/funds/")} <= {403, 404, 405}, answers


def _addresses(values: dict[str, Any]) -> Any:
    """Every address of ours whose parts can be filled with the given numbers, and every act of the case page."""
    from flows.states import ACTIONS

    for namespace in ("funds", "audit", "cases"):
        if namespace not in get_resolver().namespace_dict:
            continue
        _prefix, resolver = get_resolver().namespace_dict[namespace]
        for name, entries in resolver.reverse_dict.lists():
            if not isinstance(name, str):
                continue
            for possibilities, *_rest in entries:
                for _pattern, parts in possibilities:
                    if set(parts) <= set(values):
                        yield reverse(f"{namespace}:{name}", kwargs={part: values[part] for part in parts})
                    elif set(parts) == {"pk", "action"}:
                        for action in ACTIONS:
                            yield reverse(f"{namespace}:{name}", kwargs={"pk": values["pk"], "action": action})


# ---------------------------------------------------------------- many rows


@pytest.mark.slow
def test_no_page_asks_more_the_longer_it_is(world: World, auditor: Client, django_assert_max_num_queries: Any) -> None:
    case = paid(world)

    def queries(url: str, **asked: str) -> int:
        auditor.get(url, asked)
        with django_assert_max_num_queries(64) as counted:
            assert auditor.get(url, asked).status_code == 200
        return len(counted)

    def all_counts() -> list[int]:
        return [
            queries(reverse("audit:search")),
            queries(reverse("audit:search"), first="2026-04-01"),
            queries(reverse("audit:reads")),
            queries(reverse("audit:trail", args=[case.pk])),
            queries(reverse("audit:record", args=["case", case.pk])),
            queries(reverse("audit:checkpoints")),
        ]

    for _n in range(3):
        families.reveal_id_number(case.household.head, by=world.township_clerk, reason="核对户名一次")
        world.open()
    few = all_counts()
    for n in range(60):
        families.reveal_id_number(case.household.head, by=world.township_clerk, reason="核对户名一次")
        world.open()
        case = case_now(case)
        case.summary = str(n)
        with acting(world.village_clerk):
            case.save()
    many = all_counts()

    assert many == few
    assert max(few) <= 64 and few[1] <= 24, (
        few
    )  # a search by day asks eight kinds; one asks what waits for her own word
