"""The same step with the plain stack: FSM and simple-history, Viewflow's own activation, guardian's grants on the case.

What one gets by following the manuals of the libraries, without this product's `act()`.
"""

from collections.abc import Sequence

from django.db import transaction
from guardian.shortcuts import assign_perm
from viewflow import this
from viewflow.workflow import flow
from viewflow.workflow.models import Task

from access.models import Staff
from audit import clock
from casework.models import Case, CaseDuty, CaseEvent
from flows import projection


def _no_page(request: object, **kwargs: object) -> None:
    raise AssertionError("no page of this flow is opened")


class PlainFlow(flow.Flow):
    start = flow.StartHandle(lambda activation: activation.process).Next(this.township_review)
    township_review = flow.View(_no_page).Next(this.township_decision)
    township_decision = flow.View(_no_page).Next(this.end)
    end = flow.End()


# Viewflow finds flows in installed apps alone, and this package is none.
PlainFlow.__module__ = projection.__name__
projection.PlainFlow = PlainFlow


def processes(count: int) -> list[int]:
    """The keys of `count` processes, each at its first task."""
    return [PlainFlow.start.run().pk for _ in range(count)]


def step(case_id: int, process_id: int, by: Staff, readers: Sequence[Staff]) -> None:
    """Check a case in the township: the verb with its history, the task, and who may see the case from now on.

    The duty and the act are written too, by the model, for without them PostgreSQL takes no new state.
    """
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=case_id)
        was, case.acts = case.state, case.acts + 1
        case.take("check")
        case.save()
        edge = case.spec.edge(was, "check")
        CaseDuty.objects.create(case=case, person_key=by.person_key, duty=edge.duty, staff=by, since=clock.today())
        CaseEvent.objects.create(
            case=case, n=case.acts, action="check", from_state=was, to_state=case.state, by=by, by_role=edge.roles[0],
            person_key=by.person_key, key=f"plain:{case_id}", business_date=clock.today(),
        )  # fmt: skip
        task = Task.objects.get(process_id=process_id, flow_task_type="HUMAN", finished__isnull=True)
        with task.activation() as activation:
            activation.assign(by)
            activation.start(None)
            activation.execute()
        for reader in readers:
            assign_perm("casework.view_case", reader, case)
