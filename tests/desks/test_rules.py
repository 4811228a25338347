"""The auditor's pages for rules, questions and samples, and the side of whoever is asked."""

import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from access import services as access
from access.models import OrgUnit
from audit import clock
from casework.auditing import questions, running
from casework.auditing.models import Question, QuestionEntry, RuleHit, RuleParameter, RuleVerdict, Sample
from casework.auditing.rules import RULES
from families.models import Lead
from jobs import runner
from jobs.models import Job
from tests.world import START, World, make_staff


def client_of(staff: Any) -> Client:
    client = Client()
    client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def auditor(world: World) -> Client:
    return client_of(world.auditor)


@pytest.fixture
def hit(world: World) -> RuleHit:
    """A call for help that nobody answered, found by a run."""
    Lead.objects.create(
        village=world.village, source="villager", words="断了柴火", reported_on=START - datetime.timedelta(days=20)
    )
    return running.run(world.county, by=world.auditor).hits.get()


def test_a_run_is_a_job_and_its_result_stands_on_the_page(world: World, auditor: Client) -> None:
    Lead.objects.create(
        village=world.village, source="villager", words="x", reported_on=START - datetime.timedelta(days=20)
    )
    assert "还没有检查过" in auditor.get(reverse("audit:rules")).content.decode()

    answer = auditor.post(reverse("audit:run_rules"))
    job = Job.objects.get()
    assert answer.url == reverse("audit:rules_job", args=[job.pk])
    assert auditor.get(answer.url)["Refresh"]
    runner.run(job.pk)

    page = auditor.get(reverse("audit:rules"))
    assert page.context["open"] == page.context["new"] == 1
    assert page.context["rows"][0]["rule"].code == "lead_unanswered"


def test_a_hit_leads_to_its_record_and_is_explained(auditor: Client, hit: RuleHit) -> None:
    page = auditor.get(reverse("audit:rule", args=[hit.rule]))
    (row,) = page.context["rows"]
    assert row["url"] and "20 天没有人去看" in row["text"]

    auditor.post(reverse("audit:explain", args=[hit.pk]), {"because": "当天就去了，忘了记"})

    assert RuleVerdict.objects.get().because == "当天就去了，忘了记"
    assert "当天就去了" in auditor.get(reverse("audit:rule", args=[hit.rule])).content.decode()


def test_an_explanation_that_is_empty_is_sent_back(auditor: Client, hit: RuleHit) -> None:
    page = auditor.post(reverse("audit:explain", args=[hit.pk]), {"because": ""})
    assert page.status_code == 200 and page.context["form"].errors and not RuleVerdict.objects.exists()


def test_a_line_is_drawn_elsewhere(auditor: Client, world: World) -> None:
    url = reverse("audit:parameters", args=["lead_unanswered"])
    assert auditor.get(url).context["form"]["days"].initial == 15
    auditor.post(url, {"days": 7, "because": "县里规定七天"})

    assert RuleParameter.objects.get().value == 7
    assert auditor.get(url).context["form"]["days"].initial == 7


def test_a_question_goes_to_the_village_and_back(world: World, auditor: Client, hit: RuleHit) -> None:
    asking = reverse("audit:ask", args=[hit.pk])
    key = auditor.get(asking).context["form"]["key"].initial or "0" * 32
    given = {"key": key, "asked_role": "village_head", "title": "去看过没有", "words": "请说明", "due_on": "2026-04-20"}
    auditor.post(asking, given)
    question = Question.objects.get()
    assert (question.unit, question.subjects) == (world.village, [hit.subject])

    head = client_of(world.village_head)
    url = reverse("questions:question", args=[question.pk])
    assert "去看过没有" in head.get(reverse("questions:home")).content.decode()
    head.post(url, {"words": "昨天去了"})
    auditor.post(url, {"step": "right", "words": "看过照片"})

    assert list(question.entries.values_list("kind", "upheld")) == [("ask", None), ("answer", None), ("close", False)]


def test_asking_again_wants_a_day(world: World, auditor: Client, hit: RuleHit) -> None:
    question = questions.ask(
        world.village, "village_head", "x", "x", due_on=START, by=world.auditor, key="k", subjects=[hit.subject]
    )
    url = reverse("questions:question", args=[question.pk])
    page = auditor.post(url, {"step": "again", "words": "还不清楚"})
    assert "答复期限" in page.content.decode() and QuestionEntry.objects.count() == 1


def test_others_do_not_see_the_question(world: World, hit: RuleHit) -> None:
    question = questions.ask(world.village, "village_head", "秘密的问题", "x", due_on=START, by=world.auditor, key="k")
    for who in ("village_clerk", "township_approver", "cashier", "other_clerk", "sysadmin"):
        client = client_of(world.staff[who])
        assert client.get(reverse("questions:question", args=[question.pk])).status_code == 404
        assert "秘密的问题" not in client.get(reverse("questions:home")).content.decode()


def test_an_auditor_of_another_county_sees_nothing_of_it(world: World, hit: RuleHit) -> None:
    other = OrgUnit.objects.create(
        code="990102", name="别县", level="county", parent=world.county.parent, valid_from=START,
        province=world.county.province, prefecture=world.county.prefecture,
    )  # fmt: skip
    other.county = other
    other.save()
    stranger = make_staff("stranger", "stranger")
    access.appoint(stranger, "auditor", other, by=None, valid_from=datetime.date(2026, 1, 1))
    client = client_of(stranger)
    for name in ("audit:explain", "audit:ask"):
        assert client.get(reverse(name, args=[hit.pk])).status_code == 404
    assert client.get(reverse("audit:rules")).context["run"] is None
    assert client.get(reverse("audit:rules"), {"unit": world.county.pk}).status_code == 404


@pytest.mark.parametrize("name", ["audit:rules", "audit:samples"])
def test_the_pages_are_the_auditors_alone(world: World, name: str) -> None:
    for who in ("village_clerk", "county_approver", "fund_manager", "sysadmin"):
        assert client_of(world.staff[who]).get(reverse(name)).status_code == 404


def test_a_sample_is_drawn_and_drawn_again(world: World, auditor: Client) -> None:
    for _n in range(3):
        world.open()
    given = {
        "of": "cases", "first_on": "2026-04-01", "last_on": "2026-04-30", "least": "", "size": "2",
        "seed": "7", "seed_source": "4 月 1 日的开奖号码",
    }  # fmt: skip
    answer = auditor.post(reverse("audit:samples"), given)
    sample = Sample.objects.get()
    assert answer.url == reverse("audit:sample", args=[sample.pk])
    page = auditor.get(answer.url, {"again": "1"})
    assert page.context["again"] is True and len(page.context["rows"]) == 2 and page.context["rows"][0][2]
    with clock.frozen_at(START + datetime.timedelta(days=1)):
        world.open()

    assert auditor.get(answer.url, {"again": "1"}).context["again"] is False


def test_no_list_asks_more_the_longer_it_is(world: World, auditor: Client, django_assert_max_num_queries: Any) -> None:
    for n in range(12):
        Lead.objects.create(
            village=world.village, source="villager", words=f"{n}", reported_on=START - datetime.timedelta(days=20)
        )
    running.run(world.county, by=world.auditor)
    for n in range(12):
        questions.ask(world.village, "village_head", f"{n}", "x", due_on=START, by=world.auditor, key=f"k{n}")
    for name, args in (("audit:rules", []), ("audit:rule", ["lead_unanswered"]), ("questions:home", [])):
        auditor.get(reverse(name, args=args))
        with django_assert_max_num_queries(17):
            auditor.get(reverse(name, args=args))


def test_every_rule_says_what_it_is(auditor: Client, hit: RuleHit) -> None:
    for code in RULES:
        assert auditor.get(reverse("audit:rule", args=[code])).status_code == 200
