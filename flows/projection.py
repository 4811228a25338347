"""Viewflow as a projection of the case's state: process, tasks (the work log), chart and BPMN.

The node of the open task is a function of the state. Nothing here decides anything: `act()` tells what happened, and one
statement closes the old task, opens the new one and links them. Viewflow's own views, queue and locks are not used.
"""

from typing import Any

from django.db import connection
from django.utils.functional import lazy
from viewflow import this
from viewflow.workflow import flow
from viewflow.workflow.base import Edge as FlowEdge
from viewflow.workflow.base import Flow
from viewflow.workflow.nodes.view import View

from flows.models import CaseProcess
from flows.programmes import PROGRAMMES
from flows.spec import Spec
from flows.states import ACTIONS, STATES


class StateNode(View):
    """A state of the spec, drawn with the spec's edges. It has no view: desks have pages of their own."""

    def __init__(self, spec: Spec, state: str) -> None:
        super().__init__(_no_view)
        self._spec, self._state = spec, state
        self.task_title = STATES[state].title  # lazy: the chart speaks the reader's language

    def _resolve(self, instance: Flow) -> None:
        super()._resolve(instance)
        # One arrow from state to state: BPMN has no two flows between the same nodes under one name.
        actions: dict[str, list[str]] = {}
        for edge in self._spec.actions(self._state):
            for target in sorted(edge.targets()):
                actions.setdefault(target, []).append(edge.action)
        self._arrows = [
            FlowEdge(
                src=self,
                dst=this.resolve(instance, getattr(this, target)),
                edge_class="next",
                label=_verbs(tuple(names)),
            )
            for target, names in actions.items()
        ]

    def _outgoing(self) -> Any:
        yield from self._arrows


_verbs = lazy(lambda actions: " / ".join(str(ACTIONS[action].verb) for action in actions), str)


def _no_view(request: Any, **kwargs: Any) -> Any:
    raise AssertionError("Viewflow's task views are not mounted")


def build_flow(spec: Spec) -> type[Flow]:
    """The Viewflow class of a spec: one node for each state, edges labelled with the actions."""
    nodes: dict[str, Any] = {
        "__module__": __name__,
        "process_class": CaseProcess,
        "process_title": spec.title,
        "start": flow.StartHandle(_start).Next(getattr(this, spec.initial)),
    }
    for state in spec.states:
        nodes[state] = _end(state) if state in spec.ends and not spec.actions(state) else StateNode(spec, state)
    return type(_flow_name(spec), (Flow,), nodes)


def _end(state: str) -> flow.End:
    node = flow.End()
    node.task_title = STATES[state].title
    return node


def _start(activation: Any) -> Any:
    return activation.process


def _flow_name(spec: Spec) -> str:
    return "".join(word.title() for word in spec.code.split("_")) + "Flow"


# Viewflow stores the import path of a flow class, so the classes must be attributes of this module.
FLOWS: dict[str, type[Flow]] = {code: build_flow(spec) for code, spec in PROGRAMMES.items()}
globals().update({cls.__name__: cls for cls in FLOWS.values()})


def node_reference(programme: str, state: str) -> str:
    """Viewflow's name of a node, for example "flows/projection.DisasterReliefFlow.draft"."""
    return f"flows/projection.{_flow_name(PROGRAMMES[programme])}.{state}"


def open_process(case_id: int, programme: str, state: str) -> None:
    """Start the case's process with its first task open."""
    process = CaseProcess(case_id=case_id, flow_class=FLOWS[programme])
    process.save()
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"process": process.pk, "node": node_reference(programme, state)})


def move(case_id: int, programme: str, state: str, *, by_id: int | None, ends: bool) -> None:
    """Close the open task in the name of `by_id` and open the task of the new state; one statement.

    In an end state the new task is Viewflow's End node, finished at once, and so is the process.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _MOVE,
            {
                "case": case_id,
                "node": node_reference(programme, state),
                "by": by_id,
                "type": "END" if ends else "HUMAN",
                "status": "DONE" if ends else "NEW",
                "ends": ends,
            },
        )


_OPEN = """
WITH started AS (
  INSERT INTO viewflow_task (flow_task, flow_task_type, status, created, started, finished, token, data, process_id)
  VALUES (regexp_replace(%(node)s, '[^.]+$', 'start'), 'START_HANDLE', 'DONE', now(), now(), now(), 'start', '{}', %(process)s)
  RETURNING id),
opened AS (
  INSERT INTO viewflow_task (flow_task, flow_task_type, status, created, token, data, process_id)
  VALUES (%(node)s, 'HUMAN', 'NEW', now(), 'start', '{}', %(process)s) RETURNING id)
INSERT INTO viewflow_task_previous (from_task_id, to_task_id) SELECT opened.id, started.id FROM opened, started
"""

_MOVE = """
WITH process AS (SELECT process_ptr_id AS id FROM flows_caseprocess WHERE case_id = %(case)s),
closed AS (
  UPDATE viewflow_task SET status = 'DONE', owner_id = %(by)s, started = coalesce(started, now()), finished = now()
  WHERE process_id = (SELECT id FROM process) AND finished IS NULL RETURNING id),
opened AS (
  INSERT INTO viewflow_task (flow_task, flow_task_type, status, created, started, finished, token, data, process_id)
  SELECT %(node)s, %(type)s, %(status)s, now(), CASE WHEN %(ends)s THEN now() END, CASE WHEN %(ends)s THEN now() END,
         'start', '{}', id FROM process RETURNING id),
finished AS (
  UPDATE viewflow_process SET status = 'DONE', finished = now()
  WHERE %(ends)s AND id = (SELECT id FROM process))
INSERT INTO viewflow_task_previous (from_task_id, to_task_id) SELECT opened.id, closed.id FROM opened, closed
"""
