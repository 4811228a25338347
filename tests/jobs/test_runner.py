"""Long work: progress that others see, a cancel button that works, a failure that tells the user what to do."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.utils import translation

from access.models import OrgUnit
from jobs import runner
from jobs.errors import NoHandler, WrongJobState
from jobs.models import Job
from jobs.tasks import run_job
from jobs.worker import Worker
from tests.owner import owner

pytestmark = pytest.mark.django_db(transaction=True)


class Refused(Exception):
    """Its text is for the user."""


@runner.runs("test.work", refusals=(Refused,))
def work(job: Job, progress: runner.Progress) -> dict | runner.Answer | runner.Wait:
    OrgUnit.objects.create(code="970000", name="村", level="province", valid_from="2026-01-01")
    how = job.params["how"]
    if how == "refuse":
        raise Refused("第 3 行没有姓名，请补上再导入。")
    if how == "crash":
        raise RuntimeError("江正平的身份证 999999")
    if how == "cancel":
        runner.cancel_from_elsewhere(job.pk)
        progress(5, total=10)
    if how == "ask" and "choice" not in job.params:
        return runner.Wait({"errors": 2})
    if how == "file":
        return runner.Answer({"rows": 1}, file=ContentFile(b"csv", name="answer.csv"))
    progress(10, total=10, step="写入")
    seen = connection.copy()
    with seen.cursor() as cursor:
        cursor.execute("SELECT state, done_units, step FROM jobs_job WHERE id = %s", [job.pk])
        row = cursor.fetchone()
    seen.close()
    return {"seen": list(row)}


def _cancel_from_elsewhere(job_id: int) -> None:
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET cancel_requested = true WHERE id = %s", [job_id])
    other.close()


runner.cancel_from_elsewhere = _cancel_from_elsewhere


def ran(how: str, **more) -> Job:
    job = runner.enqueue("test.work", "试一试", by_id=7, params={"how": how} | more)
    assert Worker().turn_jobs() == 1
    job.refresh_from_db()
    return job


def created() -> bool:
    return OrgUnit.objects.filter(code="970000").exists()


def test_a_job_ends_with_its_result_and_others_saw_it_run() -> None:
    job = ran("well")

    assert job.state == "done" and job.finished_at and job.result == {"seen": ["running", 10, "写入"]}
    assert created() and OrgUnit.history.get(code="970000").history_user_id == 7
    assert Worker().turn_jobs() == 0 and run_job.apply(args=[job.pk]).result is False


def test_a_job_may_answer_with_a_file() -> None:
    job = ran("file")

    assert job.result == {"rows": 1} and job.result_file.read() == b"csv"


def test_cancelling_leaves_nothing_behind() -> None:
    job = ran("cancel")

    assert job.state == "cancelled" and job.error == "已取消，什么都没有改。" and not created()


def test_a_job_that_has_not_begun_is_cancelled_at_once() -> None:
    job = runner.enqueue("test.work", "试一试", by_id=None, params={"how": "well"})
    runner.cancel(job.pk)
    runner.cancel(job.pk)

    job.refresh_from_db()
    assert job.state == "cancelled" and Worker().turn_jobs() == 0


def test_a_refusal_is_shown_word_for_word_and_leaves_nothing() -> None:
    job = ran("refuse")

    assert (job.state, job.error) == ("failed", "第 3 行没有姓名，请补上再导入。") and not created()


def test_a_crash_tells_the_user_whom_to_ask_and_nobody_the_data(caplog) -> None:
    job = ran("crash")

    assert job.state == "failed" and f"任务编号 {job.pk}" in job.error and not created()
    assert "999999" not in caplog.text and "RuntimeError" in caplog.text


@pytest.mark.parametrize("how", ["done", "refuse", "crash", "cancel"])
def test_what_was_uploaded_is_gone_when_its_job_has_ended(how: str) -> None:
    job = runner.enqueue(
        "test.work", "试一试", by_id=7, params={"how": how}, file=ContentFile(b"names", name="a.csv"), sha256="5e" * 32
    )
    path = Path(job.input_file.path)
    assert path.exists()

    Worker().turn_jobs()

    job.refresh_from_db()
    assert not path.exists() and not job.input_file and job.input_sha256 == "5e" * 32


def test_what_was_uploaded_is_kept_while_the_user_chooses_and_goes_when_she_cancels() -> None:
    job = runner.enqueue(
        "test.work", "试一试", by_id=7, params={"how": "ask"}, file=ContentFile(b"names", name="a.csv")
    )
    path = Path(job.input_file.path)
    Worker().turn_jobs()
    assert path.exists()

    runner.cancel(job.pk)

    assert not path.exists()


def test_a_job_waits_for_the_users_choice_and_goes_on_with_it() -> None:
    job = ran("ask")
    assert (job.state, job.result) == ("waiting", {"errors": 2})
    with owner():
        OrgUnit.objects.filter(code="970000").delete()

    runner.reply(job.pk, choice="good rows")
    with pytest.raises(WrongJobState):
        runner.reply(job.pk, choice="again")
    Worker().turn_jobs()

    job.refresh_from_db()
    assert job.state == "done" and job.params["choice"] == "good rows"


def test_a_job_that_keeps_killing_its_worker_is_given_up() -> None:
    job = runner.enqueue("test.work", "试一试", by_id=None, params={"how": "well"})
    Job.objects.filter(pk=job.pk).update(attempts=runner.MOST_ATTEMPTS)
    Worker().turn_jobs()

    job.refresh_from_db()
    assert job.state == "failed" and "中断" in job.error


def test_a_running_job_from_before_the_clock_was_set_back_begins_anew() -> None:
    job = runner.enqueue("test.work", "试一试", by_id=None, params={"how": "well"})
    Job.objects.filter(pk=job.pk).update(state="running", leased_until="2090-01-01T00:00Z", attempts=1)

    Worker().turn_jobs()

    job.refresh_from_db()
    assert job.state == "done" and created()


def test_a_slow_worker_whose_lease_ran_out_is_not_doubled() -> None:
    job = runner.enqueue("test.work", "试一试", by_id=None, params={"how": "well"})
    slow = connection.copy()
    with slow.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [runner._LOCK_CLASS, job.pk])
        assert run_job.apply(args=[job.pk]).result is False
        cursor.execute("ROLLBACK")
    slow.close()

    assert not created()


def test_the_failure_speaks_the_users_language_and_an_unknown_kind_is_refused() -> None:
    with translation.override("en"):
        job = runner.enqueue("test.work", "Try", by_id=None, params={"how": "well"})
    assert job.params["language"] == "en"
    with pytest.raises(NoHandler):
        runner.enqueue("test.nothing", "试一试", by_id=None)
