import datetime

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import Context, RequestContext, Template
from django.template.base import TemplateSyntaxError
from django.test import RequestFactory
from django.utils import timezone, translation

from audit import clock
from casework import days
from casework.desks.cases.story import around_now
from casework.due import LEVELS, due_of, level_title, notice_words
from casework.fields import AnswerCards, DayField, MoneyField, PhotoField, TickCards, sometimes_required
from casework.icons import ICONS
from casework.templatetags import ui

TODAY = datetime.date(2026, 4, 15)


def shown(source, **values):
    return Template(source).render(Context(values)).strip()


class Survey(forms.Form):
    name = forms.CharField(label="户主姓名", help_text="照身份证写")
    words = forms.CharField(label="他们自己怎么说？", widget=forms.Textarea, required=False)
    paid = MoneyField(label="自己掏的钱", required=False, max_fen=2_000_000)
    visited = DayField(label="哪天去的", latest=TODAY)
    ill = forms.ChoiceField(
        label="家里有人生病吗？",
        choices=[("yes", "有"), ("no", "没有")],
        widget=AnswerCards(hints={"yes": "住过院"}, look="kinds"),
    )
    why = forms.MultipleChoiceField(choices=[("a", "遭了灾")], widget=TickCards(look="two"), required=False)
    consent = forms.BooleanField(label="家里人同意")
    house = PhotoField(label="房屋正面", required=False)


def answered(**data):
    given = {
        "name": "江正伯",
        "visited_year": "2026",
        "visited_month": "4",
        "visited_day": "15",
        "ill": "yes",
        "consent": "on",
    }
    return Survey(given | data, {})


# ---------------------------------------------------------------- icons, money, days


def test_an_icon_is_silent_beside_its_word():
    drawing = shown('{% icon "house" %}')

    assert drawing.startswith('<svg class="i"')
    assert 'aria-hidden="true"' in drawing


def test_an_icon_that_stands_alone_speaks():
    assert 'role="img" aria-label="打开 &lt;b&gt;"' in shown('{% icon "eye" label=word %}', word="打开 <b>")


def test_an_unknown_icon_is_a_bug_and_not_a_gap():
    with pytest.raises(KeyError):
        shown('{% icon "unicorn" %}')


@pytest.mark.parametrize("name", sorted(ICONS))
def test_every_icon_draws_with_the_stroke_of_the_page(name):
    assert "<" in ICONS[name]
    assert "style=" not in ICONS[name]


def test_money_is_shown_with_its_unit_in_the_readers_language():
    assert shown("{% money fen %}", fen=1_490_050) == '<span class="money">14,900.50<small>元</small></span>'
    with translation.override("en"):
        assert "<small>yuan</small>" in shown("{% money fen big=True %}", fen=1_490_050)


def test_a_missing_amount_is_a_dash_and_not_a_zero():
    assert "—" in shown("{% money fen %}", fen=None)


def test_capitals_are_for_readers_of_chinese():
    page = '{% include "parts/_money.html" with amount_fen=fen %}'

    assert "壹万肆仟玖佰元整" in shown(page, fen=1_490_000)
    with translation.override("en"):
        assert "壹" not in shown(page, fen=1_490_000)


@pytest.mark.parametrize(
    ("part", "whole", "per_cent"), [(346, 1000, "34.6"), (1, 2, "50"), (0, 5, "0"), (5, 0, "0"), (1, 3, "33.3")]
)
def test_shares_are_per_cents_with_one_decimal(part, whole, per_cent):
    assert ui.share(part, whole) == per_cent


@pytest.mark.parametrize(
    ("language", "date", "long", "short"),
    [
        ("zh-hans", datetime.date(2026, 4, 15), "4月15日 星期三", "4月15日"),
        ("zh-hans", datetime.date(2025, 9, 18), "2025年9月18日 星期四", "2025年9月18日"),
        ("en", datetime.date(2026, 4, 15), "Wed 15 Apr", "15 Apr"),
        ("en", datetime.date(2025, 9, 18), "Thu 18 Sep 2025", "18 Sep 2025"),
    ],
)
def test_days_are_written_as_people_say_them(language, date, long, short):
    with translation.override(language), clock.frozen_at(TODAY):
        assert days.day(date) == long
        assert days.day_short(date) == short


def test_the_year_is_left_out_in_the_business_year_not_in_the_calendar_year():
    with clock.frozen_at(datetime.date(2025, 12, 31)):
        assert days.day_short(datetime.date(2026, 1, 1)) == "2026年1月1日"
        assert days.day_short(datetime.date(2025, 1, 1)) == "1月1日"


def test_a_paper_says_the_year_also_in_the_business_year():
    with clock.frozen_at(TODAY):
        assert days.full_day(datetime.date(2026, 4, 15)) == "2026年4月15日"
        assert days.full_moment(datetime.datetime(2026, 4, 15, 1, 12, tzinfo=datetime.UTC)) == "2026年4月15日 09:12"
        with translation.override("en"):
            assert days.full_day(datetime.date(2026, 4, 15)) == "15 Apr 2026"
    assert days.full_day(None) == ""


def test_moments_are_shown_in_the_countys_time():
    just_before_midnight = datetime.datetime(2026, 4, 14, 16, 30, tzinfo=datetime.UTC)

    assert days.moment(just_before_midnight) == "4月15日 00:30"


def test_no_date_is_no_text():
    assert days.day(None) == days.moment(None) == ""


# ---------------------------------------------------------------- states and deadlines


@pytest.mark.parametrize(
    ("days", "left", "level", "words"),
    [
        (-8, -6, "severe", "超期 6 个工作日"),
        (-7, -5, "severe", "超期 5 个工作日"),
        (-6, -4, "overdue", "超期 4 个工作日"),
        (-1, -1, "overdue", "超期 1 个工作日"),
        (-1, 0, "overdue", "已超期"),
        (0, 0, "today", "今天到期"),
        (1, 1, "soon", "明天到期"),
        (1, 0, "soon", "明天到期"),
        (2, 2, "soon", "还剩 2 个工作日"),
        (5, 3, "later", "还剩 3 个工作日"),
        (9, None, "later", "还剩 9 天"),
        (-3, None, "overdue", "超期 3 天"),
    ],
)
def test_a_deadline_says_how_near_it_is(days, left, level, words):
    due = due_of(TODAY + datetime.timedelta(days), TODAY, left)

    assert (due.level, due.words) == (level, words)
    assert due.level in LEVELS


def test_no_deadline_is_said_aloud():
    assert due_of(None, TODAY).words == "没有期限"
    assert "没有期限" in shown("{% due nothing %}", nothing=None)


@pytest.mark.django_db
def test_a_pill_counts_working_days_by_itself_and_calendar_days_where_no_year_is_loaded(world):
    assert "还剩 3 个工作日" in shown("{% due day %}", day=datetime.date(2026, 4, 20))
    assert "超期 1 个工作日" in shown("{% due day %}", day=datetime.date(2026, 4, 14))
    assert "还剩 300 天" in shown("{% due day %}", day=datetime.date(2027, 2, 9))


def test_every_group_of_a_queue_has_a_title():
    assert [level_title(level) for level in LEVELS] == ["严重超期", "超期", "今天到期", "快到期", "未到期", "没有期限"]


@pytest.mark.parametrize(
    "day, words",
    [
        (0, "今天贴出，从明天起公示 7 天"),
        (1, "公示第 1 天，共 7 天"),
        (7, "公示第 7 天，共 7 天"),
        (9, "公示第 7 天，共 7 天"),
    ],
)
def test_the_day_a_notice_is_put_up_does_not_count(day, words):
    assert notice_words(TODAY, TODAY + datetime.timedelta(7), TODAY + datetime.timedelta(day)) == words


def test_what_was_kept_today_says_so_in_words():
    now = timezone.localtime()

    assert days.saved(now) == f"今天 {now:%H:%M}"
    assert days.saved(now - datetime.timedelta(1)) == f"昨天 {now:%H:%M}"
    assert "天" not in days.saved(now - datetime.timedelta(3)) and days.saved(None) == ""


@pytest.mark.parametrize("now, on_a_phone", [(0, "01234"), (3, "12345"), (8, "45678")])
def test_a_narrow_screen_shows_the_stops_around_the_present_one(now, on_a_phone):
    steps = [{"label": str(n), "state": "now" if n == now else ""} for n in range(9)]

    shown_there = [step["label"] for step in around_now(steps) if step["room"] in (3, 5)]

    assert "".join(shown_there) == on_a_phone


def test_working_days_have_an_english_singular():
    with translation.override("en"):
        assert due_of(TODAY - datetime.timedelta(1), TODAY, -1).words == "1 working day overdue"
        assert due_of(TODAY + datetime.timedelta(4), TODAY, 2).words == "2 working days left"


def test_a_state_brings_its_own_tone():
    assert shown('{% state "returned" "退回补正" %}') == '<span class="st st-act" data-state="returned">退回补正</span>'
    assert 'class="st st-soon"' in shown('{% state "returned" "退回补正" "soon" %}')
    assert 'class="st"' in shown('{% state "something_new" "新状态" %}')


# ---------------------------------------------------------------- forms


def test_a_field_ties_label_hint_and_control_together():
    html = shown("{% field form.name %}", form=Survey())

    assert '<label for="id_name">户主姓名</label>' in html
    assert '<span class="hint" id="id_name_helptext">照身份证写</span>' in html
    assert 'aria-describedby="id_name_helptext"' in html
    assert 'class="input"' in html


def test_only_optional_fields_are_marked():
    form = Survey()

    assert "选填" in shown("{% field form.words %}", form=form)
    assert "选填" not in shown("{% field form.name %}", form=form)


def test_what_a_form_may_ask_for_after_all_is_not_called_optional():
    class Gift(forms.Form):
        name = sometimes_required(forms.CharField(label="名字"))
        remark = forms.CharField(label="说明", required=False)

    asked, mended = Gift(), Gift({})
    mended.add_error("remark", "请写说明。")

    assert "选填" not in str(asked["name"].as_field_group()) and asked.fields["name"].required is False
    assert "选填" in str(asked["remark"].as_field_group())
    assert "选填" not in str(mended["remark"].as_field_group())


def test_a_field_can_be_given_another_label_width_and_attributes():
    html = shown('{% field form.words label="理由" width="m" rows=3 %}', form=Survey())

    assert "理由" in html
    assert 'class="area w-m"' in html
    assert 'rows="3"' in html


def test_a_big_label_is_the_heading_of_the_page():
    assert "<legend><h1>家里有人生病吗？</h1>" in shown("{% field form.ill big=True %}", form=Survey())


def test_answers_are_cards_with_their_hints():
    html = shown("{% field form.ill %}", form=Survey(initial={"ill": "yes"}))

    assert '<div class="kinds">' in html
    assert '<label for="id_ill_0">有<span>住过院</span></label>' in html
    assert html.count("checked") == 1


def test_an_error_stands_at_the_field_and_in_the_summary():
    form = answered(paid="一万多")

    html = shown("{% errors form %}{% field form.paid %}", form=form)

    assert 'role="alert"' in html
    assert '<a href="#id_paid">金额要填数字，例如 14900 或 14900.50。</a>' in html
    assert 'id="id_paid_error"' in html
    assert 'aria-invalid="true"' in html
    assert "有 1 处要改" in html


def test_a_bare_error_gets_its_label_in_the_summary_only():
    html = shown("{% errors form %}{% field form.ill %}", form=answered(ill=""))

    assert '<a href="#id_ill_0">家里有人生病吗：这里还没有填。</a>' in html
    assert "<span>这里还没有填。</span>" in html


def test_the_summary_of_a_day_leads_to_its_first_box():
    assert 'href="#id_visited_year"' in shown("{% errors form %}", form=answered(visited_month="13"))


def test_the_forms_of_a_set_are_summed_up_together():
    people = forms.formset_factory(Survey, min_num=2, validate_min=True)(
        {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "0"}
    )

    html = shown("{% errors people %}", people=people)

    assert 'href="#id_form-0-name"' in html
    assert html.count('role="alert"') == 1


def test_a_form_without_mistakes_has_no_summary():
    assert shown("{% errors form %}", form=answered()) == ""
    assert shown("{% errors form %}", form=Survey()) == ""


def test_a_plain_form_looks_like_ours():
    html = shown("{{ form }}", form=answered(name=""))

    assert 'role="alert"' in html
    assert '<div class="field is-bad">' in html
    assert "<p>" not in html


def test_what_a_person_typed_is_escaped():
    html = shown("{% errors form %}{{ form }}", form=answered(name="<script>", paid="<b>1</b>"))

    assert "<script>" not in html
    assert "<b>1</b>" not in html


def test_money_is_cleaned_to_fen_and_shown_again_as_typed():
    assert answered(paid="1.49万").fields["paid"].clean("1.49万") == 1_490_000
    assert 'value="14900.50"' in shown("{% field form.paid %}", form=Survey(initial={"paid": 1_490_050}))
    assert 'value="一万多"' in shown("{% field form.paid %}", form=answered(paid="一万多"))


@pytest.mark.parametrize(("typed", "ok"), [("20000", True), ("20000.01", False), ("", True), ("-1", False)])
def test_money_keeps_to_its_limits(typed, ok):
    assert answered(paid=typed).is_valid() == ok


@pytest.mark.parametrize(
    ("boxes", "day"),
    [
        (("2026", "4", "15"), datetime.date(2026, 4, 15)),
        (("２０２６", "04", "01"), datetime.date(2026, 4, 1)),
        (("2026", "2", "30"), "没有这一天"),
        (("26", "2", "3"), "4 位"),
        (("2026", "", "3"), "都要填"),
        (("2026", "x", "3"), "都要填"),
        (("2026", "4", "16"), "不能晚于"),
        (("", "", ""), "这里还没有填"),
    ],
)
def test_days_are_read_from_three_boxes(boxes, day):
    form = answered(visited_year=boxes[0], visited_month=boxes[1], visited_day=boxes[2])

    if isinstance(day, datetime.date):
        assert form.is_valid()
        assert form.cleaned_data["visited"] == day
    else:
        assert day in form.errors["visited"][0]


def test_boxes_keep_what_was_typed():
    html = shown("{% field form.visited %}", form=answered(visited_month="13"))

    assert 'value="13"' in html
    assert 'value="2026"' in html


# ---------------------------------------------------------------- messages and lists


def test_a_note_holds_what_stands_between_its_tags():
    html = shown('{% note "bad" title="要马上办" %}{{ text }}{% endnote %}', text="<b>退回</b>")

    assert html.startswith('<div class="note note-bad">')
    assert "<b>要马上办</b>&lt;b&gt;退回&lt;/b&gt;" in html


def test_a_note_of_an_unknown_tone_is_a_bug():
    with pytest.raises((KeyError, TemplateSyntaxError)):
        shown('{% note "pink" %}{% endnote %}')


def test_an_empty_list_says_so_inside_a_loop_too():
    html = shown('{% for x in none %}{% empty %}{% nothing "今天没有要办的事" "明天再来" %}{% endfor %}', none=[])

    assert "今天没有要办的事" in html
    assert "明天再来" in html


def test_the_pager_keeps_the_filters_and_replaces_the_page():
    request = RequestFactory().get("/cases/", {"village": "云坞村", "page": "2"})
    page = Paginator(range(424), 20).page(2)

    html = Template('{% pager page "户" %}').render(RequestContext(request, {"page": page}))

    assert "第 21 到 40 户，共 424 户" in html
    assert 'aria-current="page">2</a>' in html
    assert "village=%E4%BA%91%E5%9D%9E%E6%9D%91&amp;page=3" in html
    assert html.count("page=2&") == 0


def test_one_page_needs_no_links():
    html = Template("{% pager page %}").render(
        RequestContext(RequestFactory().get("/"), {"page": Paginator(range(3), 20).page(1)})
    )

    assert "<ul>" not in html


@pytest.mark.parametrize(("number", "words"), [(0, "0"), (999, "999"), (1000, "1000"), (1001, "1000+"), (None, "")])
def test_large_counts_are_capped(number, words):
    assert ui.capped(number) == words


def test_a_case_that_waits_for_others_has_no_green_block():
    turn = {"state": "township_review", "state_label": "乡镇审核", "title": "材料在乡里", "who": "秦岚"}

    assert "turn-do" not in shown('{% include "parts/_turn.html" %}', turn=turn)
    assert "turn-do" in shown('{% include "parts/_turn.html" %}', turn=turn | {"do": {"title": "去拍照"}})
