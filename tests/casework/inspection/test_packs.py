"""Inspection packs: what is in them, that they never change, that anybody can check them, and what is refused."""

import csv
import errno
import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from access import services as access
from access.models import OrgUnit
from audit import checkpoints
from audit.models import AccessLog, Entry
from audit.verify import verify
from casework.auditing import questions, running, sampling
from casework.auditing.models import Sample
from casework.errors import BadCaseData, FileSpoilt, NoChineseFont, NoRoom, NotYourTurn, ReasonNeeded
from casework.inspection import choosing, files, making, services
from casework.inspection.choosing import Chosen
from casework.inspection.models import InspectionPack
from casework.inspection.standalone import verify_pack
from casework.models import Case, CaseDocument
from casework.typeset import Typesetter, has_chinese_font
from families import services as families
from jobs import runner
from jobs.models import Job
from tests.desks.test_audit import paid
from tests.funds.test_ledger import refuses
from tests.owner import owner
from tests.world import START, World, make_staff

pytestmark = [
    pytest.mark.skipif(
        not has_chinese_font(), reason="this machine has no Chinese font (apt-get install fonts-noto-cjk)"
    ),
    pytest.mark.django_db,
]
VOLUME = "INSERT INTO casework_packvolume (pack_id, n, file, size_bytes, sha256) VALUES (%s, %s, 'x.zip', %s, %s)"
WHY = "省里来检查，要看全部卷宗"


def place(world: World, **more: Any) -> Chosen:
    return Chosen(by=choosing.PLACE, unit=more.pop("unit", world.village), **more)


def made(world: World, chosen: Chosen | None = None, *, by: Any = None) -> InspectionPack:
    job = services.order(chosen or place(world), reason=WHY, by=by or world.auditor)
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error
    return InspectionPack.objects.get(pk=job.result["pack"])


def paths(pack: InspectionPack) -> list[str]:
    return [volume.file.path for volume in pack.volumes.all()]


def opened(pack: InspectionPack) -> dict[str, bytes]:
    found = {}
    for path in paths(pack):
        with zipfile.ZipFile(path) as file:
            found |= {name: file.read(name) for name in file.namelist()}
    return found


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


def verified(pack: InspectionPack, *more: str) -> tuple[int, dict[str, Any]]:
    out = io.StringIO()
    from contextlib import redirect_stdout

    with redirect_stdout(out):
        status = verify_pack.main([*paths(pack), "--json", *more])
    return status, json.loads(out.getvalue())


def key() -> str:
    return checkpoints.public_key().hex()


def with_photo(world: World, case: Case, content: bytes = b"photo") -> Any:
    document = families.add_document(
        case.household, ContentFile(content, name="a.pdf"), kind="house_photo", by=world.village_clerk,
        subject=case.subject, content_type="application/pdf",
    )  # fmt: skip
    CaseDocument.objects.create(case=case, document=document, kind="house_photo", added_on=START)
    return document


# ---------------------------------------------------------------- what is in it


def test_a_pack_holds_files_papers_payments_and_a_signed_list_that_anybody_can_check(world: World) -> None:
    case = paid(world)
    photo = with_photo(world, case)

    pack = made(world)

    found = opened(pack)
    folder = f"cases/{case.case_no}"
    assert found[f"{folder}/file.pdf"].startswith(b"%PDF-")
    originals = {hashlib.sha256(content).hexdigest() for name, content in found.items() if "/papers/" in name}
    assert photo.sha256 in originals and len(originals) == case.papers.count()
    assert {"index.pdf", "index.csv", "payments.csv", "README.txt", "verify_pack.py", "manifest.json"} <= set(found)
    status, told = verified(pack, "--key", key())
    assert status == 0 and told["number"] == pack.number and told["cases"] == 1 and told["reason"] == WHY


def test_the_index_says_on_which_page_each_chapter_of_each_case_begins(world: World) -> None:
    first, second = paid(world), paid(world, reference="HF-78")

    pack = made(world)

    mark, heads, *lines = rows(opened(pack)["index.csv"])
    assert [line[1] for line in lines] == [first.case_no, second.case_no]
    spans = [tuple(map(int, line[heads.index("总页码")].split("-"))) for line in lines]
    assert spans[0][0] == 1 and spans[1][0] == spans[0][1] + 1 and spans[1][1] == pack.page_count
    chapters = [n for n, head in enumerate(heads) if head.endswith("总第几页")]
    assert len(chapters) == 9
    for line, (begin, end) in zip(lines, spans, strict=True):
        pages = [int(line[n]) for n in chapters]
        assert pages == sorted(pages) and begin == pages[0] and pages[-1] <= end
    assert "auditor 于" in mark[0] and WHY in mark[0]


def test_each_payment_is_followed_back_to_the_survey(world: World) -> None:
    case = paid(world)

    _mark, heads, line = rows(opened(made(world))["payments.csv"])

    told = dict(zip(heads, line, strict=True))
    assert told["个案编号"] == case.case_no and told["金额（元）"] == "2000.00" and told["回单号"] == "HF-77"
    assert "已到账" in told["付款"] or told["状态"] == "已到账"
    assert told["批准"].startswith("审批") or "township_approver" in told["批准"]
    assert all(told[name] for name in ("批次", "公示", "评议", "调查"))


def test_the_auditors_pack_has_findings_and_questions_and_the_countys_has_none(world: World) -> None:
    case = paid(world)
    running.run(world.county, by=world.auditor)
    questions.ask(
        world.township, "township_approver", "为什么这样批", "请说明依据", due_on=START, by=world.auditor, key="q1",
        subjects=[case.subject],
    )  # fmt: skip

    audit, county = made(world), made(world, by=world.county_approver)

    def chapters(pack: InspectionPack) -> list[str]:
        return [head for head in rows(opened(pack)["index.csv"])[1] if "总第几页" in head]

    assert any("审计发现和问答" in head for head in chapters(audit))
    assert not any("审计发现" in head for head in chapters(county))
    assert (audit.side, county.side) == ("audit", "county")


@pytest.mark.django_db(transaction=True)  # a seal covers what is committed
def test_the_records_behind_it_come_along_under_the_last_seal(world: World) -> None:
    case = paid(world)
    seal = checkpoints.seal()

    pack = made(world)

    found = opened(pack)
    assert json.loads(found["manifest.json"])["anchor"]["size"] == seal.total == pack.sealed_size
    trail = zipfile.ZipFile(io.BytesIO(found["trail/bundle.zip"]))
    events = b"".join(trail.read(name) for name in trail.namelist() if name.startswith("events/"))
    assert f'"{case.subject}"'.encode() in events
    foot = f"{seal.total} {seal.fingerprint}"
    assert verified(pack, "--key", key(), "--anchor", foot)[0] == 0
    assert verified(pack, "--key", key(), "--anchor", f"{seal.total + 1} {seal.fingerprint}")[0] == 1


def test_a_paper_that_is_gone_or_changed_is_named(world: World) -> None:
    case = paid(world)
    gone, changed = with_photo(world, case, b"one"), with_photo(world, case, b"two")
    Path(gone.file.path).unlink()
    Path(changed.file.path).write_bytes(b"another")

    pack = made(world)

    heads, line = rows(opened(pack)["index.csv"])[1:]
    assert pack.problem_count == 2 and line[heads.index("材料有问题")] == "2"


def test_a_large_pack_is_divided_into_volumes_that_follow_one_another(world: World, settings: Any) -> None:
    for n in range(3):
        paid(world, reference=f"HF-{n}")
    settings.PACK_VOLUME_MB = 0

    pack = made(world)

    assert pack.volume_count == 3  # each is full with its first case
    status, told = verified(pack, "--key", key())
    assert status == 0 and told["volumes"] == pack.volume_count and told["cases"] == 3
    assert verify_pack.main([*paths(pack)[:-1], "--key", key()]) == 1
    assert verify_pack.main([*paths(pack)[1:], "--key", key()]) == 1


# ---------------------------------------------------------------- frozen


def test_a_changed_an_added_and_a_foreign_file_do_not_hold(world: World, tmp_path: Path) -> None:
    paid(world)
    pack = made(world)
    content = Path(paths(pack)[0]).read_bytes()
    at = content.index(b"%PDF-") + 200

    for name, other in {
        "changed": content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :],
        "longer": content + b"more",
        "before": b"more" + content,
    }.items():
        path = tmp_path / f"{name}.zip"
        path.write_bytes(other)
        assert verify_pack.main([str(path), "--key", key()]) == 1, name
    assert verified(pack, "--key", "0" * 64)[0] == 1
    assert verified(pack)[0] == 3


def test_later_copies_are_the_same_bytes_whatever_happened_to_the_case(world: World, client: Client) -> None:
    case = paid(world)
    pack = made(world)
    client.force_login(world.auditor, backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("packs:take", args=[pack.pk, 1])

    first = b"".join(client.post(url, {"reason": "交给省检查组"}).streaming_content)
    world.do(case, "visit", "village_clerk", data={"satisfaction": 5, "words": "收到了"})
    second = b"".join(client.post(url, {"reason": "检查组又要一份"}).streaming_content)

    assert first == second and hashlib.sha256(first).hexdigest() == pack.volumes.get().sha256
    taken = AccessLog.objects.filter(subject=pack.subject, fields__contains="volume").order_by("id")
    assert [(entry.actor_id, entry.reason) for entry in taken] == [
        (world.auditor.pk, "交给省检查组"),
        (world.auditor.pk, "检查组又要一份"),
    ]
    page = client.get(reverse("packs:pack", args=[pack.pk])).content.decode()
    assert "检查组又要一份" in page and pack.manifest_sha256 in page


def forged(path: Path) -> None:
    """Another volume of the same length under its name."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(("spoil", "found_as"), [(forged, "file_edited"), (Path.unlink, "file_missing")])
def test_a_volume_that_is_no_longer_what_was_made_is_handed_to_nobody_and_found(
    world: World, client: Client, spoil: Any, found_as: str
) -> None:
    paid(world)
    pack = made(world)
    volume = pack.volumes.get()
    spoil(Path(volume.file.path))
    client.force_login(world.auditor, backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("packs:take", args=[pack.pk, 1])

    answer = client.post(url, {"reason": "交给省检查组"})

    assert answer.status_code == 422 and "指纹" in answer.content.decode()
    assert not AccessLog.objects.filter(subject=pack.subject, fields__contains="volume").exists()
    with pytest.raises(FileSpoilt):
        services.take(volume, reason="交给省检查组", by=world.auditor)
    (problem,) = (one for one in verify().problems if one.kind.startswith("file_"))
    assert (problem.kind, problem.row, problem.stream) == (found_as, volume.pk, pack.subject)
    Path(volume.file.path).unlink(missing_ok=True)  # the folder outlives the test, and a spoilt archive misleads others


def test_postgresql_lets_nobody_change_a_pack_or_add_to_it(world: World) -> None:
    paid(world)
    pack = made(world)

    for sql in (
        "UPDATE casework_inspectionpack SET reason = 'x' WHERE id = %s",
        "DELETE FROM casework_packvolume WHERE pack_id = %s",
        "UPDATE casework_packvolume SET sha256 = repeat('0', 64) WHERE pack_id = %s",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), owner(), connection.cursor() as cursor:
            cursor.execute(sql, [pack.pk])
    refuses(VOLUME, pack.pk, 2, 1, "0" * 64, match="is closed")
    assert Entry.objects.filter(stream=pack.subject, table="casework_packvolume").exists()


@pytest.mark.parametrize(
    ("law", "more"),
    [
        ("a_pack_says_why", {"reason": ""}),
        ("a_pack_is_not_empty", {"case_count": 0}),
        ("a_pack_has_its_digest", {"manifest_sha256": "x"}),
        ("lacks a volume", {}),
    ],
)
def test_a_bad_pack_is_refused(world: World, law: str, more: dict[str, Any]) -> None:
    row = {
        "number": "J1", "side": "audit", "unit_id": world.county.pk, "title": "x", "chosen": "{}", "reason": WHY,
        "case_count": 1, "file_count": 1, "volume_count": 1, "page_count": 1, "problem_count": 0, "size_bytes": 1,
        "manifest_sha256": "0" * 64, "sealed_root": "", "made_by_id": world.auditor.pk, "made_on": START, "made_at": START,
        "key": "k",
    } | more  # fmt: skip
    statement = f"INSERT INTO casework_inspectionpack ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})"
    refuses(statement, *row.values(), match=law)


def test_a_volume_names_its_bytes(world: World) -> None:
    paid(world)
    pack = made(world)
    refuses(VOLUME, pack.pk, 0, 1, "0" * 64, match="a_volume_holds_something")
    refuses(VOLUME, pack.pk, 1, 0, "0" * 64, match="a_volume_holds_something")
    refuses(VOLUME, pack.pk, 0, 1, "y" * 64, match="a_volume_h")
    refuses(VOLUME, pack.pk, 1, 1, "0" * 64, match="volumes_count_up")


# ---------------------------------------------------------------- who, and what is chosen


def test_a_pack_is_made_by_whoever_audits_there_or_confirms_for_the_county(world: World) -> None:
    paid(world)
    for role in ("fund_manager", "township_approver", "village_clerk", "county_reviewer", "sysadmin"):
        with pytest.raises(NotYourTurn):
            services.order(place(world), reason=WHY, by=world.staff[role])
    county = OrgUnit.objects.create(
        code="990102", name="邻县", level="county", parent=world.county.parent, valid_from=START,
        province_id=world.county.province_id, prefecture_id=world.county.prefecture_id,
    )  # fmt: skip
    county.county = county
    county.save()
    stranger = make_staff("far_auditor", "远审计")
    access.appoint(stranger, "auditor", county, by=None, valid_from=START)
    with pytest.raises(NotYourTurn):
        services.order(place(world), reason=WHY, by=stranger)
    assert not Job.objects.exists()


def test_the_county_does_not_read_the_auditors_packs(world: World, client: Client) -> None:
    paid(world)
    audit, county = made(world), made(world, by=world.county_approver)

    assert set(services.packs_in_reach(world.auditor)) == {audit, county}
    assert set(services.packs_in_reach(world.county_approver)) == {county}
    client.force_login(world.county_approver, backend="django.contrib.auth.backends.ModelBackend")
    for name, args in (("packs:pack", [audit.pk]), ("packs:take", [audit.pk, 1])):
        assert client.get(reverse(name, args=args)).status_code == 404
    client.force_login(world.fund_manager, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(reverse("packs:home")).status_code == 404


def test_a_sample_chosen_numbers_and_findings_choose_their_cases(world: World) -> None:
    first, second = paid(world), paid(world, reference="HF-78")
    sample = sampling.draw(
        sampling.Frame(world.county, Sample.Of.PAYMENTS, START, START),
        size=1,
        seed="1",
        seed_source="公示栏",
        by=world.auditor,
    )
    run = running.run(world.county, by=world.auditor)
    hit = run.hits.create(rule="burst", village=world.village, subject=second.subject, day=START, facts={})

    def numbers(chosen: Chosen) -> set[str]:
        return set(choosing.cases_of(chosen, world.auditor).values_list("case_no", flat=True))

    assert len(numbers(Chosen("sample", world.county, sample=sample))) == 1
    assert numbers(Chosen("numbers", world.county, numbers=(first.case_no,))) == {first.case_no}
    assert second.case_no in numbers(Chosen("rule", world.county, run=hit.run, rule="burst"))
    assert numbers(place(world, unit=world.other_village)) == set()
    assert numbers(place(world, year=2025)) == set()
    assert numbers(place(world, programme="disaster_relief", year=2026)) == {first.case_no, second.case_no}


def test_what_cannot_be_made_is_refused_in_words(world: World, monkeypatch: Any) -> None:
    case = paid(world)

    with pytest.raises(ReasonNeeded, match="四个字"):
        services.order(place(world), reason="看", by=world.auditor)
    with pytest.raises(BadCaseData, match="一件也没有"):
        services.order(place(world, unit=world.other_village), reason=WHY, by=world.auditor)
    with pytest.raises(BadCaseData, match="9999-000001"):
        services.order(Chosen("numbers", world.county, numbers=("9999-000001",)), reason=WHY, by=world.auditor)
    monkeypatch.setattr(choosing, "MOST", 0)
    with pytest.raises(BadCaseData, match="超过 0 件"):
        services.order(place(world), reason=WHY, by=world.auditor)
    monkeypatch.undo()
    monkeypatch.setattr(services, "SPARE_BYTES", 1 << 60)
    with pytest.raises(NoRoom, match="磁盘不够"):
        services.order(place(world), reason=WHY, by=world.auditor)
    monkeypatch.undo()
    monkeypatch.setattr("casework.typeset.FAMILIES", ("No Such Font",))
    with pytest.raises(NoChineseFont, match="fonts-noto-cjk"):
        services.order(place(world), reason=WHY, by=world.auditor)
    assert not Job.objects.exists() and not AccessLog.objects.exists() and case.case_no


# ---------------------------------------------------------------- nothing stays behind


def left_over() -> list[str]:
    return sorted(path.name for path in (Path(settings.MEDIA_ROOT) / "packs").glob("job-*"))


def test_a_full_disk_leaves_nothing_behind(world: World, monkeypatch: Any) -> None:
    paid(world)
    before = left_over()
    job = services.order(place(world), reason=WHY, by=world.auditor)

    def full(self: Any, name: str, parts: Any) -> Any:
        if name == "index.csv":
            raise OSError(errno.ENOSPC, "No space left on device")
        return add(self, name, parts)

    add = files.StrictZip.add
    monkeypatch.setattr(files.StrictZip, "add", full)
    runner.run(job.pk)

    job.refresh_from_db()
    assert job.state == Job.State.FAILED and "磁盘满了" in job.error
    assert left_over() == before and not InspectionPack.objects.exists() and not AccessLog.objects.exists()


@pytest.mark.django_db(transaction=True)  # the button is another connection's
def test_a_cancelled_pack_leaves_nothing_behind(world: World, monkeypatch: Any) -> None:
    for n in range(2):
        paid(world, reference=f"HF-{n}")
    before = left_over()
    job = services.order(place(world), reason=WHY, by=world.auditor)
    monkeypatch.setattr(runner, "_PAUSE_SECONDS", 0)
    write = making._Making._add_case

    def pressed(self: Any, *given: Any) -> None:
        write(self, *given)
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("UPDATE jobs_job SET cancel_requested = true WHERE id = %s", [job.pk])
        other.close()

    monkeypatch.setattr(making._Making, "_add_case", pressed)
    runner.run(job.pk)

    job.refresh_from_db()
    assert job.state == Job.State.CANCELLED
    assert left_over() == before and not InspectionPack.objects.exists()


def test_ordered_twice_it_is_one_job(world: World) -> None:
    paid(world)
    assert len({services.order(place(world), reason=WHY, by=world.auditor).pk for _n in range(2)}) == 1


# ---------------------------------------------------------------- at the desk


def test_a_pack_is_ordered_watched_and_taken_at_the_desk(world: World, client: Client) -> None:
    paid(world)
    client.force_login(world.auditor, backend="django.contrib.auth.backends.ModelBackend")
    given = {"by": "place", "unit": world.village.pk, "programme": "", "year": "2026", "reason": WHY}

    bad = client.post(reverse("packs:new"), given | {"reason": "看"})
    ordered = client.post(reverse("packs:new"), given)
    waiting = client.get(ordered.url)
    runner.run(Job.objects.get().pk)
    done = client.get(ordered.url)

    assert bad.status_code == 422 and "至少四个字" in bad.content.decode()
    assert waiting["Refresh"] and "取消" in waiting.content.decode()
    pack = InspectionPack.objects.get()
    assert reverse("packs:pack", args=[pack.pk]) in done.content.decode()
    assert pack.number in client.get(reverse("packs:home")).content.decode()
    assert client.post(reverse("packs:take", args=[pack.pk, 1]), {"reason": ""}).status_code == 422
    assert client.get(reverse("packs:take", args=[pack.pk, 7])).status_code == 404


def test_the_case_says_that_it_left_in_a_pack(world: World, client: Client) -> None:
    case = paid(world)
    pack = made(world)
    client.force_login(world.auditor, backend="django.contrib.auth.backends.ModelBackend")

    page = client.get(reverse("audit:trail", args=[case.pk])).content.decode()

    assert WHY in page and f"迎检包 {pack.number}" in page


def test_a_document_is_the_same_bytes_again_and_takes_data_for_data(world: World) -> None:
    from django.utils import timezone

    from casework.typeset import Document, Facts, Part
    from casework.watermark import Mark

    at = timezone.make_aware(timezone.datetime(2026, 4, 15, 9, 12))
    paper = Document(
        "卷宗", [Part("一", [Facts([("户主", '#eval("1") *x* $a$ 单红䶮')])])], Mark("审计", at, WHY), "J1"
    )

    first, second = Typesetter().set(paper), Typesetter().set(paper)

    assert first.pdf == second.pdf and first.pages == 1 and first.places == {"一": 1}


def test_the_unit_of_a_place_is_one_of_her_own(world: World) -> None:
    assert [unit.pk for unit in services.units_of(world.auditor)] == [world.county.pk]
    assert not services.may_make(world.cashier) and OrgUnit.objects.exists()
