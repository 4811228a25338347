"""Mistakes planted on purpose: a filter dropped, a role widened, a wrong answer. Each is seen by a cell that is right without it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import django.contrib.auth
import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.urls import get_resolver, path

import access.reach
import access.roles
import access.scope
import access.sessions
import casework.acting
import casework.desks.admin.reach
import casework.desks.imports.views
import casework.desks.stock.shelves
import casework.desks.township.office
import casework.visibility
import funds.duties
from access.models import Staff
from access.roles import ROLES, Ability, Desk
from access.scope import Post, Scope
from flows.spec import Edge
from jobs.models import Job
from tests.authorisation.asking import Cell, Matrix
from tests.authorisation.oracle import Act, oracle
from tests.authorisation.test_oracle import undeclared, what_to_add

pytestmark = pytest.mark.django_db
Plant = Callable[[pytest.MonkeyPatch], None]


def no_second_net(patch: pytest.MonkeyPatch) -> None:
    """Row-level security would hide what the list forgot (tests/casework/test_second_net.py)."""
    patch.setattr(access.reach, "of", lambda user: access.reach.EVERYWHERE)


def no_region(patch: pytest.MonkeyPatch) -> None:
    """A list forgets to narrow to the units of her posts."""
    no_second_net(patch)
    patch.setattr(Scope, "condition", lambda self, model: Q() if self.units else None)


def a_role_too_wide(patch: pytest.MonkeyPatch) -> None:
    storekeeper = ROLES["storekeeper"]
    patch.setitem(ROLES, "storekeeper", replace(storekeeper, abilities=storekeeper.abilities | {Ability.CASE_VIEW}))


def a_desk_without_a_door(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(casework.desks.township.office, "posts_of", lambda user: (Post("township_clerk", 0, "township"),))


def no_session_limits(patch: pytest.MonkeyPatch) -> None:
    """The second net: without a login there is no session that could last."""
    patch.setattr(access.sessions, "is_over", lambda request: False)
    patch.setattr(access.sessions, "was_here", lambda request: None)


def a_page_without_login(patch: pytest.MonkeyPatch) -> None:
    no_session_limits(patch)
    patch.setattr(AnonymousUser, "is_authenticated", True)


def a_closed_account_let_in(patch: pytest.MonkeyPatch) -> None:
    no_session_limits(patch)
    patch.setattr(
        django.contrib.auth, "constant_time_compare", lambda one, other: True
    )  # sessions end with the account
    patch.setattr(ModelBackend, "get_user", lambda self, pk: Staff.objects.get(pk=pk))


def told_that_it_is_there(patch: pytest.MonkeyPatch) -> None:
    """403 for what lies elsewhere, 404 for what does not exist: whoever counts up the numbers learns what there is."""

    def visible(rows: Any, **key: Any) -> Any:
        found = rows.filter(**key).first()
        if found is None and rows.model.objects.filter(**key).exists():
            raise PermissionDenied
        if found is None:
            raise Http404
        return found

    patch.setattr(casework.desks.stock.shelves, "visible", visible)


def too_many_compare(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(funds.duties.ROLES_OF, "compare", ("fund_checker", "fund_manager", "cashier"))


def relatives_act(patch: pytest.MonkeyPatch) -> None:
    real = casework.acting._authorise

    def authorise(case: Any, edge: Any, by: Any, on_behalf_of: Any, facts: Any) -> Any:
        return real(case, edge, by, on_behalf_of, replace(facts, is_close=False))

    patch.setattr(casework.acting, "_authorise", authorise)


def the_village_sees_numbers(patch: pytest.MonkeyPatch) -> None:
    clerk, by_desk = ROLES["village_clerk"], casework.visibility._BY_DESK
    patch.setitem(ROLES, "village_clerk", replace(clerk, abilities=clerk.abilities | {Ability.UNMASK}))
    patch.setitem(by_desk, Desk.VILLAGE, replace(by_desk[Desk.VILLAGE], can_unmask=True))


def delegates_forgotten(patch: pytest.MonkeyPatch) -> None:
    real = access.scope._load_posts
    patch.setattr(
        access.scope, "_load_posts", lambda *args: [post for post in real(*args) if post.principal_id is None]
    )


def anybodys_import(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(casework.desks.imports.views, "_own_job", lambda request, pk: Job.objects.get(pk=pk))


def accounts_of_every_county(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(casework.desks.admin.reach, "staff_in_reach", lambda user: Staff.objects.all())


def a_role_forgotten(patch: pytest.MonkeyPatch) -> None:
    auditor = ROLES["auditor"]
    patch.setitem(ROLES, "auditor", replace(auditor, abilities=auditor.abilities - {Ability.AUDIT_READ}))


# what was planted: (address, its method, role and relation of whom the cell asks)
PLANTED: list[tuple[Plant, str, str, str, str]] = [
    (no_region, "cases:detail", "GET", "village_clerk", "sibling_village"),
    (no_region, "township:find", "GET", "township_clerk", "sibling_township"),
    (no_region, "cases:family", "GET", "township_approver", "other_county"),
    (a_role_too_wide, "cases:detail", "GET", "storekeeper", "here"),
    (a_desk_without_a_door, "township:queue", "GET", "village_clerk", "here"),
    (a_page_without_login, "programmes", "GET", "", "anonymous"),
    (a_closed_account_let_in, "home", "GET", "cashier", "deactivated"),
    (told_that_it_is_there, "stock:store", "GET", "storekeeper", "other_county"),
    (too_many_compare, "funds:check_provider", "POST", "cashier", "here"),
    (the_village_sees_numbers, "cases:reveal_person", "POST", "village_clerk", "here"),
    (delegates_forgotten, "cases:detail", "GET", "county_reviewer", "delegate"),
    (anybodys_import, "imports:job", "GET", "township_clerk", "sibling_township"),
    (accounts_of_every_county, "administration:staff", "GET", "sysadmin", "other_county"),
    (a_role_forgotten, "audit:trail", "GET", "auditor", "here"),
]


def forget(matrix: Matrix) -> None:
    for person in matrix.people:
        if person.staff is not None:
            access.scope.forget_posts(person.staff)


@pytest.mark.parametrize(
    ("plant", "url", "method", "role", "relation"), PLANTED, ids=lambda part: getattr(part, "__name__", None)
)
def test_what_was_planted_is_seen(
    matrix: Matrix, monkeypatch: pytest.MonkeyPatch, plant: Plant, url: str, method: str, role: str, relation: str
) -> None:
    rule, person = oracle().rules[url], matrix.places.person(role, relation)

    def cell() -> Cell:
        forget(matrix)
        return matrix.cell(rule, person, method)

    assert not cell().fault
    with monkeypatch.context() as patch:
        plant(patch)
        assert cell().fault
    assert not cell().fault


def test_a_relative_who_acts_is_seen(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    act, person = (
        Act("township_decision", "approve", frozenset({"township_approver"})),
        matrix.places.person("township_approver", "recused"),
    )
    assert not matrix.act_cell(act, person).fault

    relatives_act(monkeypatch)

    assert matrix.act_cell(act, person).is_leak


def test_a_step_given_to_another_role_is_seen(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Edge.roles.fget
    monkeypatch.setattr(
        Edge, "roles", property(lambda edge: real(edge) + ("township_clerk",) * (edge.action == "approve"))
    )
    act = Act("township_decision", "approve", frozenset({"township_approver"}))

    assert matrix.act_cell(act, matrix.places.person("township_clerk", "here")).is_leak


def test_a_page_that_crashes_is_seen(matrix: Matrix, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*args: Any, **more: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("casework.queries.scope", crash)

    assert matrix.cell(oracle().rules["cases:detail"], matrix.places.person("auditor"), "GET").is_leak


def test_a_name_of_elsewhere_on_a_page_is_seen_though_no_oracle_thought_of_it(matrix: Matrix) -> None:
    """A badge, a choice of a form, a suggestion: whatever the page, the family of another village is named on it."""
    rule, person = oracle().rules["village:home"], matrix.places.person("village_clerk", "here")
    cell = matrix.cell(rule, person, "GET")
    assert not cell.fault

    cell.outcome.body += "<option>江靐靐</option>"
    matrix.judge(cell, matrix.path(rule))

    assert cell.is_leak and "V2" in cell.fault


def test_a_message_that_one_cell_leaves_stands_on_no_page_of_the_next(matrix: Matrix) -> None:
    rule, person = oracle().rules["village:survey_discard"], matrix.places.person("village_clerk", "here")
    page = matrix.path(oracle().rules["cases:family"], matrix.at["family"])
    before = matrix.ask(person, page, "GET")

    assert matrix.ask(person, matrix.path(rule), "POST", {}).status == 302

    assert "没填完的这一份不要了" not in matrix.ask(person, page, "GET").body and before.status == 200


def test_who_works_elsewhere_sends_a_unit_of_hers_and_is_refused_with_ours(matrix: Matrix) -> None:
    rule, person = oracle().rules["funds:new_bank_account"], matrix.places.person("fund_manager", "other_county")

    assert not matrix.cell(rule, person, "POST").fault
    (foreign,) = matrix.foreign_cells(rule, person)
    assert not foreign.fault and not foreign.outcome.wrote


def test_an_address_that_nobody_declared_is_told_with_what_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = get_resolver()
    added = path("shortcut/<int:pk>/", lambda request, pk: HttpResponse("x"), name="shortcut")
    monkeypatch.setattr(resolver, "url_patterns", [*resolver.url_patterns, added])

    assert undeclared() == ["shortcut"]
    assert "shortcut: {is: page, on: RECORD, yes: [ROLES]}" in what_to_add("shortcut")
