import random
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from datetime import date

import pytest

from outrider.domain.templates import sandbox
from outrider.domain.templates.rendering import MergeFieldMissing, TemplateInvalid, check, render, render_html
from tests.domain.templates.hostile import GREEDY, READING

SECRET = "c2VjcmV0"
ADA = {
    "recipient": {"email": "ada@example.org", "name": "Ada", "firstName": "Ada", "lastName": "", "domain": None},
    "sender": {"email": "bob@example.com", "name": "Bob Byron", "firstName": "Bob"},
    "email": {"subject": "Notes & <sketches>", "sentAt": date(2026, 1, 5), "snippet": "  "},
    "step": {"number": 2, "total": 3},
    "variables": {"role": "engineer", "topics": ["looms", "engines"], "paid": False, "due": 0},
}
LARGE = {
    "recipient": {"email": "ada@example.org"},
    "variables": {
        "long": "a" * 40_000,
        "same": "a" * 40_000,
        "needle": "a" * 3_000 + "b",
        "short": "ab" * 5_000,
        "text": SECRET,
        "name_of_now": "now",
    },
}


def problem(source: str) -> TemplateInvalid:
    with pytest.raises(TemplateInvalid) as caught:
        check(source, field="steps.0.body")
    return caught.value


def missing(source: str) -> list[str]:
    with pytest.raises(MergeFieldMissing) as caught:
        render(source, ADA)
    return caught.value.details["fields"]


def outcome(source: str) -> str:
    try:
        return render(source, LARGE)
    except (TemplateInvalid, MergeFieldMissing):
        return ""


def shortest(work: Callable[[], object]) -> float:
    """Seconds of processor time, of two runs: other work on the machine is not the template's fault."""
    seconds = []
    for _ in range(2):
        started = time.thread_time()
        work()
        seconds.append(time.thread_time() - started)
    return min(seconds)


@pytest.mark.parametrize("source", READING)
def test_a_template_that_reaches_for_more_than_its_data_gets_nothing(source):
    text = outcome(source)
    assert text in ("", source), "neither data nor anything of Python's may be printed"


@pytest.mark.parametrize("source", READING[:-1])
def test_a_template_that_reaches_for_more_than_its_data_is_not_even_stored(source):
    problem(source)


@pytest.mark.parametrize("source", [*READING, *GREEDY], ids=lambda source: source[:40])
def test_a_hostile_template_is_stopped_soon_and_stays_small(source):
    def checking():
        sandbox._compiled.cache_clear()
        with suppress(TemplateInvalid):
            check(source, field="body")

    assert shortest(checking) < 0.1
    assert shortest(lambda: outcome(source)) < 0.1
    assert len(outcome(source).encode()) <= 200_000


@pytest.mark.parametrize("source", GREEDY, ids=lambda source: source[:40])
def test_a_hostile_template_takes_little_memory(source):
    sandbox._compiled.cache_clear()
    tracemalloc.start()
    try:
        outcome(source)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in (1..10001) %}{% endfor %}",
        "{% for i in (1..6000) reversed %}{% endfor %}" * 2,
        "{% for i in (1..101) %}{% for j in (1..100) %}{% endfor %}{% endfor %}",
    ],
)
def test_ten_thousand_turns_are_the_most_for_all_loops_together(source, monkeypatch):
    monkeypatch.setattr(sandbox, "MOST_CPU", 60)
    with pytest.raises(TemplateInvalid, match=r"10000 times|iteration limit"):
        render(source, ADA)


def test_parsed_templates_are_kept_but_not_without_bound():
    sandbox._compiled.cache_clear()
    for number in range(300):
        render(f"{number}", ADA)
    render("299", ADA)
    kept = sandbox._compiled.cache_info()
    assert kept.currsize == kept.maxsize == 128
    assert kept.hits == 1


def test_a_thousand_random_merges_leave_no_hole():
    chance = random.Random(75)
    names = ["firstName", "lastName", "name", "company"]
    ways = [
        "[{{ recipient.%s }}]",
        "[{{ recipient.%s | default: 'friend' }}]",
        "[{{ recipient.%s | strip | capitalize }}]",
        "[{{ recipient.%s | append: '' }}]",
        "{%% if recipient.%s %%}[{{ recipient.%s }}]{%% endif %%}",
        "{%% if recipient.%s != blank %%}[{{ recipient.%s }}]{%% endif %%}",
        "{%% assign it = recipient.%s | upcase %%}[{{ it }}]",
        "{%% capture it %%}[{{ recipient.%s }}]{%% endcapture %%}{{ it }}",
    ]
    values = ["Ada", "Grace Brewster", "", "  ", "\u200b", "\n", None, "José"]
    sent = held = holes = 0
    for _ in range(1_000):
        name, way = chance.choice(names), chance.choice(ways)
        person = {each: chance.choice(values) for each in names if chance.random() < 0.9}
        try:
            text = render(way.replace("%s", name).replace("%%", "%"), {"recipient": person})
        except MergeFieldMissing:
            held += 1
            continue
        sent += 1
        holes += any(not "".join(c for c in part if c.isprintable()).strip(" []") for part in text.split("]")[:-1])
    print(f"{sent} rendered, {held} held, {holes} with a hole")
    assert holes == 0
    assert sent > 300
    assert held > 200


def test_what_is_filled_in_is_printed():
    body = (
        "Hi {{ recipient.firstName }},\nabout “{{ email.subject }}” of {{ email.sentAt | date: '%-d %B' }}: "
        "{{ variables.topics | join: ' and ' }} ({{ step.number }}/{{ step.total }}, {{ variables.due }})"
        "{% for topic in variables.topics %}{{ forloop.index }}{{ topic | slice: 0 }}{% endfor %}"
    )
    check(body, field="body")
    assert render(body, ADA) == ("Hi Ada,\nabout “Notes & <sketches>” of 5 January: looms and engines (2/3, 0)1l2e")


def test_values_are_escaped_in_html_and_only_there():
    source = "<b>{{ email.subject }}</b>"
    assert render(source, ADA) == "<b>Notes & <sketches></b>"
    assert render_html(source, ADA) == "<b>Notes &amp; &lt;sketches&gt;</b>"


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("Hi {{ recipient.lastName }}", ["recipient.lastName"]),
        ("{{ email.snippet }}{{ recipient.domain }}", ["email.snippet", "recipient.domain"]),
        ("{{ variables.nothing.at.all }}", ["variables.nothing.at.all"]),
        ("Hi {{ recipient.lastName | append: ',' }}", ["recipient.lastName"]),
        ("{{ 'Hi ' | append: recipient.lastName }}", ["recipient.lastName"]),
        ("{{ recipient.lastName | append: ',' | default: 'x' }}", ["recipient.lastName"]),
        ("{{ recipient.firstName | remove: 'Ada' }}", ["recipient.firstName"]),
        ("{% assign hello = 'Hi ' | append: recipient.lastName %}{{ hello }}", ["recipient.lastName"]),
        ("{% capture it %}{{ recipient.lastName }}{% endcapture %}", ["recipient.lastName"]),
        ("{{ recipient.firstName | truncate: variables.nothing }}", ["variables.nothing"]),
    ],
)
def test_an_empty_field_holds_the_mail_and_is_named(source, fields):
    assert missing(source) == fields


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ recipient.lastName | default: 'you' }}", "you"),
        ("{{ recipient.lastName | strip | default: recipient.firstName }}", "Ada"),
        ("{% if recipient.lastName %}{{ recipient.lastName }}{% else %}you{% endif %}", "you"),
        ("{% if recipient.lastName == '' %}none{% endif %}", "none"),
        ("{% if recipient.lastName != blank %}{{ recipient.lastName }}{% else %}you{% endif %}", "you"),
        ("{% unless recipient.lastName == empty %}{{ recipient.lastName }}{% endunless %}.", "."),
        ("{% if recipient.firstName != '' %}{{ recipient.firstName }}{% endif %}", "Ada"),
        ("{{ variables.paid }} {{ variables.due }}", "false 0"),
    ],
)
def test_a_template_may_provide_for_an_empty_field(source, text):
    assert render(source, ADA) == text


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("Hi {{ recipient.fistName }}", 1, 7),
        ("Hi\n\n  {{ recipient.firstName | upcas }}", 3, 28),
        ("a\n{{ recipient.firstName", 2, 1),
        ("a\nb {% if step.number %}", 2, 6),
        ("{% if step.number %}x{% endif %}\n {% endif %}", 2, 5),
        ("a\n {{ recipient.name | }}", 2, 5),
        ("a\n {{ }}", 2, 4),
        ("\n{% include 'x' %}", 2, 4),
        ("{% for x variables.topics %}{% endfor %}", 1, 10),
        ("a\n{{ (1..3) }}", 2, 4),
        ("é😀 {{ nobody }}", 1, 7),
        ("{{ recipient.nope }}{{ email.nope }}", 1, 4),
        ("{{ email.subject | nope }}{{ recipient.nope }}", 1, 20),
    ],
)
def test_an_error_says_line_and_column(source, line, column):
    error = problem(source)
    assert (error.details["line"], error.details["column"]) == (line, column)
    assert error.details["field"] == "steps.0.body"
    assert f"(line {line}, column {column})" in error.message


@pytest.mark.parametrize(
    ("source", "suggestion"),
    [
        ("{{ recipient.fistName }}", "recipient.firstName"),
        ("{{ recipient.first_name }}", "recipient.firstName"),
        ("{{ firstName }}", "recipient.firstName"),
        ("{{ recipent.email }}", "recipient.email"),
        ("{{ email.subjct | upcase }}", "email.subject"),
        ("{{ email.subject | uppcase }}", "upcase"),
        ("{{ recipient.email.domain }}", "recipient.email"),
    ],
)
def test_a_misspelt_name_brings_a_suggestion(source, suggestion):
    error = problem(source)
    assert error.details["suggestion"] == suggestion


def test_a_name_like_nothing_brings_the_list_of_what_there_is():
    assert "recipient.firstName" in problem("{{ recipient.qqqqq }}").message


def test_a_group_is_no_text():
    assert "recipient.email" in problem("{{ recipient }}").message
    with pytest.raises(TemplateInvalid, match="list or a group"):
        render("{{ variables.topics }}", ADA)


def test_names_that_a_template_makes_itself_are_known():
    check(
        "{% assign x = step.number | plus: 1 %}{{ x }}{% for t in variables.topics %}{{ t }}{{ forloop.index }}"
        "{% endfor %}{% capture c %}y{% endcapture %}{{ c }}{{ variables.anything.goes }}{{ recipient.name.size }}",
        field="body",
    )


def test_only_plain_values_are_let_in():
    class Shout(str):
        __slots__ = ()

    for value in (object(), Shout("x"), b"x", {1: "x"}, {"x"}):
        with pytest.raises(TypeError):
            render("x", {"variables": {"x": value}})


def test_too_many_or_too_deep_values_are_refused():
    nested: object = "x"
    for _ in range(30):
        nested = [nested]
    for value in ("x" * 100_001, ["x"] * 10_001, nested):
        with pytest.raises(TemplateInvalid):
            render("x", {"variables": {"x": value}})
