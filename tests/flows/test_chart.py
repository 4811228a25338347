"""The drawing of a programme, in both languages, for eyes, ears and other tools."""

import re
import xml.etree.ElementTree as ET

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import translation

from flows.bpmn import bpmn_of
from flows.chart import WIDTH, chart_of, main_way, width_of, wrap
from flows.programmes import PROGRAMMES
from flows.states import STATES
from tests.world import World

SVG = "{http://www.w3.org/2000/svg}"
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
BOTH = ("zh-hans", "en")


def svg_of(code: str, **marks: object) -> ET.Element:
    html = render_to_string("flows/_svg.html", {"chart": chart_of(PROGRAMMES[code], **marks)})
    return ET.fromstring(html)


@pytest.mark.parametrize("language", BOTH)
@pytest.mark.parametrize("code", PROGRAMMES)
def test_every_state_is_drawn_once_and_everything_lies_inside(code: str, language: str) -> None:
    with translation.override(language):
        chart = chart_of(PROGRAMMES[code])

    drawn = [box.state for box in chart.boxes if box.kind != "ref"]
    assert sorted(drawn) == sorted(PROGRAMMES[code].states)
    assert {box.state for box in chart.boxes if box.kind == "ref"} <= set(drawn)
    for box in chart.boxes:
        assert box.x >= 0 and box.x + box.w <= WIDTH and box.y + box.h <= chart.height, box
    for words in chart.words:
        assert words.x + width_of(words.text, 14) <= WIDTH + 4, words


@pytest.mark.parametrize("code", PROGRAMMES)
def test_boxes_do_not_lie_on_one_another(code: str) -> None:
    boxes = chart_of(PROGRAMMES[code]).boxes
    for n, a in enumerate(boxes):
        for b in boxes[n + 1 :]:
            apart = a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y or b.y + b.h <= a.y
            assert apart, (a.state, b.state)


def test_the_main_way_climbs_every_rung() -> None:
    way = main_way(PROGRAMMES["elderly_support"])

    assert way[0] == "lead" and way[-2:] == ("exit_notice", "closed")
    assert way[8:12] == ("county_review", "county_decision", "county_countersign", "fund_reserved")


def test_every_arrow_of_the_programme_stands_in_the_table() -> None:
    for spec in PROGRAMMES.values():
        told = {(row.source, row.target) for row in chart_of(spec).rows}
        wanted = {(str(STATES[e.source].title), str(STATES[t].title)) for e in spec.edges for t in e.targets()}
        assert told == wanted


@pytest.mark.parametrize("state", ["township_review", "objection", "closed", "refused"])
def test_the_present_node_is_marked_in_a_word_too(state: str) -> None:
    drawing = svg_of("disaster_relief", now=state, been={"lead", "triaged"})

    (here,) = [g for g in drawing.iter(f"{SVG}g") if "now" in g.get("class", "").split()]
    assert "现在" in "".join(here.itertext())
    assert str(STATES[state].title) in "".join(here.itertext())
    assert f"现在在「{STATES[state].title}」" in drawing.find(f"{SVG}desc").text
    assert len([g for g in drawing.iter(f"{SVG}g") if "past" in g.get("class", "").split()]) == 2


def test_the_drawing_has_a_name_and_no_style_of_its_own() -> None:
    drawing = svg_of("disaster_relief")

    assert drawing.get("role") == "img"
    ids = drawing.get("aria-labelledby").split()
    assert [drawing.find(f"{SVG}title").get("id"), drawing.find(f"{SVG}desc").get("id")] == ids
    assert not [e for e in drawing.iter() if "style" in e.attrib or e.tag == f"{SVG}style"]


def test_the_same_spec_gives_the_same_drawing() -> None:
    assert chart_of(PROGRAMMES["disaster_relief"]) == chart_of(PROGRAMMES["disaster_relief"])


def test_the_drawing_speaks_the_active_language() -> None:
    with translation.override("zh-hans"):
        assert "乡镇审核" in {row.source for row in chart_of(PROGRAMMES["disaster_relief"]).rows}
    with translation.override("en"):
        english = {row.source for row in chart_of(PROGRAMMES["disaster_relief"]).rows}
    assert not re.search("[一-鿿]", "".join(english))


def test_long_words_are_broken_where_one_may() -> None:
    assert wrap("异议不成立，重新公示", 90, 14) == ["异议不成立，", "重新公示"]
    assert wrap("Objection unfounded, notice starts again", 100, 14)[0] == "Objection"
    assert wrap("", 90, 14) == []


@pytest.mark.parametrize("language", BOTH)
@pytest.mark.parametrize("code", PROGRAMMES)
def test_bpmn_is_well_formed_and_every_flow_ends_at_a_node(code: str, language: str) -> None:
    with translation.override(language):
        root = ET.fromstring(bpmn_of(code).encode())

    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    flows = list(root.iter(f"{BPMN}sequenceFlow"))
    process = root.find(f"{BPMN}process")
    nodes = {e.get("id") for e in process if e.tag != f"{BPMN}sequenceFlow"}
    assert nodes == {f"id_node_{state}" for state in (*PROGRAMMES[code].states, "start")}
    assert {f.get("sourceRef") for f in flows} | {f.get("targetRef") for f in flows} <= nodes
    told = {(f.get("sourceRef")[8:], f.get("targetRef")[8:]) for f in flows} - {("start", "lead")}
    assert told == {(e.source, t) for e in PROGRAMMES[code].edges for t in e.targets()}
    names = "".join(f.get("name") or "" for f in flows)
    assert bool(re.search("[一-鿿]", names)) == (language == "zh-hans")


def test_the_page_shows_chart_table_and_how_many_people_it_takes(world: World, client: Client) -> None:
    client.force_login(world.village_clerk, backend="django.contrib.auth.backends.ModelBackend")

    page = client.get(reverse("programme_flow", args=["disaster_relief"]))

    text = page.content.decode()
    assert page.status_code == 200 and "<svg" in text and "先行救助 8 人" in text and "大额 11 人" in text
    assert " style=" not in text and "<style" not in text
    assert client.get(reverse("programmes")).status_code == 200


def test_drawings_can_be_taken_away(world: World, client: Client) -> None:
    client.force_login(world.village_clerk, backend="django.contrib.auth.backends.ModelBackend")

    svg = client.get(reverse("programme_flow_svg", args=["education_grant"]))
    bpmn = client.get(reverse("programme_flow_bpmn", args=["education_grant"]))

    assert ET.fromstring(svg.content).tag == f"{SVG}svg" and "education_grant.svg" in svg["Content-Disposition"]
    assert ET.fromstring(bpmn.content).tag == f"{BPMN}definitions"


def test_strangers_and_unknown_programmes_get_nothing(world: World, client: Client) -> None:
    page = reverse("programme_flow", args=["disaster_relief"])
    assert client.get(page).status_code == 302
    client.force_login(world.village_clerk, backend="django.contrib.auth.backends.ModelBackend")

    for name in ("programme_flow", "programme_flow_svg", "programme_flow_bpmn"):
        assert client.get(reverse(name, args=["housing"])).status_code == 404
    assert client.post(page).status_code == 405


def test_viewflows_own_drawing_of_a_case_is_out_of_reach_like_the_case(world: World, client: Client) -> None:
    case = world.brought_to("village_review")
    address = reverse("case_process_svg", args=[case.pk])
    client.force_login(world.other_clerk, backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(address).status_code == 404
    client.force_login(world.village_clerk, backend="django.contrib.auth.backends.ModelBackend")

    drawing = client.get(address)

    assert drawing.status_code == 200
    assert ET.fromstring(drawing.content).tag == f"{SVG}svg"
    assert b'class="done' in drawing.content or b"done" in drawing.content
