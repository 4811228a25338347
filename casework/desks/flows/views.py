"""The way of each programme: its chart, the same as a table, BPMN and SVG to take away."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from casework.queries import visible_case
from flows.bpmn import bpmn_of, viewflow_svg_of
from flows.chart import chart_of, tier_title
from flows.models import CaseProcess
from flows.programmes import PROGRAMMES
from flows.soundness import proof_of
from flows.spec import Spec

# The colours of tokens.css, for a file that is looked at without our style sheets.
_SVG_STYLE = """<style>
text{font:14px sans-serif;fill:#1f2723}.title{font-weight:600}.small{font-size:12px;fill:#4a544e}
path{fill:none;stroke:#747c75;stroke-width:1.5}.jump{stroke-dasharray:4 3}.head{fill:#747c75;stroke:none}
rect{fill:#fffefb;stroke:#1c5a4c;stroke-width:1.5}.side rect{fill:#fbeecf;stroke:#7c4a03}
.end rect{fill:#e8e4da;stroke:#535a54}.ref rect{fill:none;stroke:#747c75;stroke-dasharray:3 3}.ref .title{font-weight:400}
</style>"""


@login_required
@require_safe
def programmes(request: HttpRequest) -> HttpResponse:
    """Every programme, with the way to its chart."""
    return render(request, "flows/programmes.html", {"specs": PROGRAMMES.values()})


@login_required
@require_safe
def flow(request: HttpRequest, code: str) -> HttpResponse:
    """How one programme goes, and how many people that takes at least."""
    spec = _spec(code)
    persons = [(tier_title(tier), count) for tier, count in proof_of(spec).persons]
    return render(request, "flows/flow.html", {"spec": spec, "chart": chart_of(spec), "persons": persons})


@login_required
@require_safe
def flow_svg(request: HttpRequest, code: str) -> HttpResponse:
    """The chart as a file."""
    drawing = render_to_string("flows/_svg.html", {"chart": chart_of(_spec(code)), "svg_style": _SVG_STYLE})
    return _download(drawing, f"{code}.svg", "image/svg+xml")


@login_required
@require_safe
def flow_bpmn(request: HttpRequest, code: str) -> HttpResponse:
    """BPMN 2.0 for other tools, from Viewflow's own export."""
    _spec(code)
    return _download(bpmn_of(code), f"{code}.bpmn", "application/xml")


@login_required
@require_safe
def process_svg(request: HttpRequest, case_id: int) -> HttpResponse:
    """Viewflow's drawing of one case's way so far."""
    case = visible_case(request.user, case_id)
    process = CaseProcess.objects.get(case_id=case.pk)
    return _download(viewflow_svg_of(process), f"{case.case_no}.svg", "image/svg+xml")


def _spec(code: str) -> Spec:
    try:
        return PROGRAMMES[code]
    except KeyError:
        raise Http404 from None


def _download(content: str, filename: str, content_type: str) -> HttpResponse:
    answer = HttpResponse(content, content_type=f"{content_type}; charset={settings.DEFAULT_CHARSET}")
    answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer
