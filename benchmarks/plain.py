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
from casework.models import Case
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
    """Check a case in the township: the verb with its history, the task, and who may see the case from now on."""
    with transaction.atomic():
        case = Case.objects.select_for_update().get(pk=case_id)
        case.take("check")
        case.save()
        task = Task.objects.get(process_id=process_id, flow_task_type="HUMAN", finished__isnull=True)
        with task.activation() as activation:
            activation.assign(by)
            activation.start(None)
            activation.execute()
        for reader in readers:
            assign_perm("casework.view_case", reader, case)
