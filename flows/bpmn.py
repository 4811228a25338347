"""BPMN 2.0 and Viewflow's own drawing of a programme or of one case's process, through Viewflow's export."""

import re

from viewflow.workflow import chart

from flows.models import CaseProcess
from flows.projection import FLOWS

# A diagram tool reads the file; our own words must not break out of an XML attribute, nor carry control characters.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def bpmn_of(programme: str) -> str:
    """The programme as BPMN 2.0 XML with its diagram, in the active language. Raises KeyError for an unknown code."""
    return _FORBIDDEN.sub("", chart.grid_to_bpmn(chart.calc_layout_data(FLOWS[programme])))


def viewflow_svg_of(process: CaseProcess) -> str:
    """Viewflow's own drawing of a process, with what is done and what is open coloured."""
    grid = chart.calc_layout_data(process.flow_class)
    chart.calc_cell_status(process.flow_class, grid, process.pk)
    return chart.grid_to_svg(grid)
