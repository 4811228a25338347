"""The imports desk: judged first, shown, and taken over only as the user chooses."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from access.units import import_org_units
from families.models import Household
from jobs import runner
from jobs.models import Job
from tests.families.test_register_import import rows_of_village, write
from tests.world import DEMO, World


@pytest.fixture
def desk(world: World, client: Client) -> Client:
    import_org_units(DEMO / "org-units.csv")
    client.force_login(world.township_clerk, backend="django.contrib.auth.backends.ModelBackend")
    return client


def upload(client: Client, path: Path, kind: str = "register_import") -> Job:
    file = SimpleUploadedFile(path.name, path.read_bytes(), content_type="text/csv")
    answer = client.post("/imports/", {"kind": kind, "file": file})
    assert answer.status_code == 302
    job = Job.objects.latest("id")
    assert client.get(f"/imports/{job.pk}/").headers["Refresh"]
    runner.run(job.pk)
    job.refresh_from_db()
    return job


def bad_rows() -> list[dict[str, str]]:
    rows = rows_of_village()
    last = rows[0]["公民身份号码"][-1]
    rows[0]["公民身份号码"] = rows[0]["公民身份号码"][:-1] + ("1" if last != "1" else "2")
    return rows


def test_a_file_is_judged_and_nothing_changes_before_the_choice(desk: Client, tmp_path: Path) -> None:
    job = upload(desk, write(tmp_path / "a.csv", rows_of_village()))

    assert job.state == "waiting" and not Household.objects.exists()
    assert "导入 20 户" in desk.get(f"/imports/{job.pk}/").content.decode()

    desk.post(f"/imports/{job.pk}/reply/", {"choice": "all"})
    runner.run(job.pk)
    job.refresh_from_db()
    assert job.state == "done" and Household.objects.count() == 20


def test_a_file_with_errors_offers_the_good_households_alone(desk: Client, tmp_path: Path) -> None:
    job = upload(desk, write(tmp_path / "bad.csv", bad_rows()))

    page = desk.get(f"/imports/{job.pk}/").content.decode()
    assert "只导入没有错的 19 户" in page and "身份证号码校验位不正确" in page

    desk.post(f"/imports/{job.pk}/reply/", {"choice": "all"})
    job.refresh_from_db()
    assert job.state == "waiting" and not Household.objects.exists()

    desk.post(f"/imports/{job.pk}/reply/", {"choice": "good"})
    runner.run(job.pk)
    assert Household.objects.count() == 19


def test_a_townships_ledger_is_judged_sheet_by_sheet(desk: Client) -> None:
    job = upload(desk, DEMO / "hardship-ledger.xlsx", "ledger_import")

    assert job.state == "waiting", job.error
    assert job.result["errors"] and not Household.objects.exists()
    first = job.result["errors"][0]
    page = desk.get(f"/imports/{job.pk}/").content.decode()
    assert first["sheet"] in page and first["cell"] in page and first["message"] in page


def test_the_list_of_findings_can_be_taken_to_the_desk(desk: Client, tmp_path: Path) -> None:
    job = upload(desk, write(tmp_path / "bad.csv", bad_rows()))

    text = desk.get(f"/imports/{job.pk}/findings.csv").content.decode("utf-8-sig")
    assert "E2" in text and "校验位" in text and rows_of_village()[0]["公民身份号码"] not in text


def test_a_wrong_file_is_refused_in_words(desk: Client, tmp_path: Path) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text("甲,乙\n1,2\n", encoding="utf-8")

    job = upload(desk, path)

    assert job.state == "failed"
    assert "这不是户籍册" in desk.get(f"/imports/{job.pk}/").content.decode()


def test_somebody_elses_import_answers_like_none(desk: Client, world: World, tmp_path: Path) -> None:
    job = upload(desk, write(tmp_path / "a.csv", rows_of_village()))
    desk.force_login(world.sysadmin, backend="django.contrib.auth.backends.ModelBackend")

    assert desk.get(f"/imports/{job.pk}/").status_code == 404
    assert desk.post(f"/imports/{job.pk}/reply/", {"choice": "all"}).status_code == 404
    assert desk.get(f"/imports/{job.pk}/findings.csv").status_code == 404


def test_who_may_not_import_is_told_who_may(desk: Client, world: World) -> None:
    desk.force_login(world.village_clerk, backend="django.contrib.auth.backends.ModelBackend")

    answer = desk.get("/imports/")
    assert answer.status_code == 403 and "乡镇经办" in answer.content.decode()


def test_an_administrator_reaches_no_import_once_there_is_a_register(world: World, client: Client) -> None:
    """Her pages reach no family, so the register must not look empty to them: neither the page nor the menu is there."""
    client.force_login(world.sysadmin, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/imports/").status_code == 200

    world.household()

    assert client.get("/imports/").status_code == 403
    assert "/imports/" not in client.get("/").content.decode()
    file = SimpleUploadedFile("a.csv", b"x", content_type="text/csv")
    assert client.post("/imports/", {"kind": "register_import", "file": file}).status_code == 403
    assert not Job.objects.exists()
