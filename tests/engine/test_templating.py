"""What placeholders, filters and payload fields render to."""

from datetime import date, datetime, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from flow_engine.engine.errors import BadTemplate
from flow_engine.engine.filters import FILTERS
from flow_engine.engine.kinds.base import Field
from flow_engine.engine.templating import (
	CUT_MARKER,
	MAX_TEXT,
	MISSING,
	Placeholder,
	find_placeholders,
	placeholder_problems,
	render_json,
	render_payload,
	render_text,
	render_value,
	resolve_path,
)

VALUES = {
	"doc": {
		"name": "SO-1",
		"customer": "O'Neil & <Sons>",
		"total": 1234.5,
		"count": 3,
		"whole": 100.0,
		"signed": True,
		"none": None,
		"empty": "",
		"date": "2026-03-18",
		"at": "2026-03-18T14:30:00",
		"utc": "2026-03-18T03:30:00Z",
		"items": [{"code": "A", "qty": 2}, {"code": "B", "qty": 1}],
		"tags": ["x", "y"],
		"__secret": "no",
	},
	"secret": {"key": "never"},
}
MONTREAL = ZoneInfo("America/Toronto")


@pytest.mark.parametrize(
	("text", "expected"),
	[
		("plain", "plain"),
		("{{doc.name}}", "SO-1"),
		("{{ doc.name }}!", "SO-1!"),
		("a{{doc.nothing}}b", "ab"),
		("{{doc.none}}{{doc.empty}}", ""),
		("{{doc.items.1.code}}", "B"),
		("{{doc.items.9.code}}{{doc.items.-1.code}}{{doc.items.x}}", ""),
		("{{doc.total}} {{doc.whole}} {{doc.count}}", "1234.5 100 3"),
		("{{doc.signed}}", "true"),
		("{{doc.tags}}", '["x","y"]'),
		("{{doc.items.0}}", '{"code":"A","qty":2}'),
		("{{doc.name.upper}}{{doc.__class__}}{{doc.__secret}}{{__builtins__}}", ""),
		("{{}}{{a b}}{{doc.name|nope}}{{doc.name()}}", ""),
		("{{doc.name", "{{doc.name"),
		("{{{doc.name}}}", "{SO-1}"),
		("[{{secret.key}}]", "[]"),
	],
)
def test_a_text_renders_each_placeholder_and_never_raises(text, expected):
	assert render_text(text, VALUES) == expected


@pytest.mark.parametrize(
	("filters", "value", "expected"),
	[
		("default:'none'", None, "none"),
		("default:none", "", "none"),
		("default:0", None, 0),
		("default:1.5", None, 1.5),
		("default:'0'", None, "0"),
		("default:''", None, ""),
		("default:x", 0, 0),
		("default:x", False, False),
		("default:'a|b'|upper", None, "A|B"),
		("upper", "été", "ÉTÉ"),
		("upper", 5, 5),
		("lower", "ABC", "abc"),
		("title", "the end", "The End"),
		("trim", "  a ", "a"),
		("date", "2026-03-18T14:30:00", "2026-03-18"),
		("date", "2026-03-18 14:30:00.123456", "2026-03-18"),
		("date", date(2026, 3, 18), "2026-03-18"),
		("date", "2026-03-18T03:30:00Z", "2026-03-17"),
		("date", "soon", "soon"),
		("date", "2026-02-30", "2026-02-30"),
		("datetime", "2026-03-18", "2026-03-18 00:00"),
		("datetime", "2026-03-18T14:30:59", "2026-03-18 14:30"),
		("datetime", "2026-03-18T03:30:00+00:00", "2026-03-17 23:30"),
		("datetime", datetime(2026, 3, 18, 3, 30, tzinfo=timezone.utc), "2026-03-17 23:30"),
		("datetime", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
		("add_days:7", "2026-03-18", "2026-03-25"),
		("add_days:-18", "2026-03-18", "2026-02-28"),
		("add_days:1", "2026-03-18T14:30:00", "2026-03-19T14:30:00"),
		("add_days:7|date", "2026-03-18T14:30:00", "2026-03-25"),
		("add_days:1", "9999-12-31", "9999-12-31"),
		("add_minutes:90", "2026-03-18T14:30:00-04:00", "2026-03-18T16:00:00-04:00"),
		("add_minutes:-30", "2026-03-18", "2026-03-17T23:30:00-04:00"),
		("add_minutes:60", "2026-03-08T01:30:00", "2026-03-08T03:30:00-04:00"),
		("add_minutes:1", "9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59+00:00"),
		("add_minutes:1", "no time", "no time"),
		("add_days:9999999", "2026-03-18", "2026-03-18"),
		("money", 1234.5, "1,234.50"),
		("money:CAD", "1234.5", "1,234.50 CAD"),
		("money", -0.005, "-0.01"),
		("money", 2.675, "2.68"),
		("money", "abc", "abc"),
		("money", None, None),
		("money", True, True),
		("money", 1e300, 1e300),
		("number", 1234567, "1,234,567"),
		("number", 1234.5, "1,234.5"),
		("number:2", 1234.5, "1,234.50"),
		("number:0", 1234.5, "1,235"),
		("number", float("nan"), None),
		("round", 2.5, 3),
		("round:1", 2.25, 2.3),
		("round", "x", "x"),
		("url", "a b/é&", "a%20b%2F%C3%A9%26"),
		("url", 5, "5"),
		("url", "\ud800", "%3F"),
		("json", {"a": [1, "é"]}, '{"a":[1,"é"]}'),
		("json", "x", '"x"'),
		("count", [1, 2], 2),
		("count", {"a": 1}, 1),
		("count", None, 0),
		("count", "abc", "abc"),
		("join", ["a", 1, None], "a, 1, "),
		("join:' / '", ["a", "b"], "a / b"),
		("join:;", ["a", "b"], "a;b"),
		("join", "abc", "abc"),
	],
)
def test_a_filter_changes_what_it_can_handle_and_leaves_the_rest(filters, value, expected):
	got = render_value("{{v|" + filters + "}}", {"v": value}, zone=MONTREAL)
	if expected is None and value is not None:
		assert got is value
	else:
		assert got == expected
		assert type(got) is type(expected)


def test_there_are_exactly_sixteen_filters():
	names = "default upper lower title trim date datetime money number round add_days add_minutes "
	names += "url json count join"
	assert list(FILTERS) == names.split()


@pytest.mark.parametrize(
	("value", "text"),
	[
		(None, ""),
		(False, "false"),
		(0, "0"),
		(0.1, "0.1"),
		(1e22, "1e+22"),
		(float("inf"), ""),
		(Decimal("1.50"), "1.50"),
		(date(2026, 3, 18), "2026-03-18"),
		(datetime(2026, 3, 18, 9), "2026-03-18T09:00:00"),
		(object(), ""),
		(b"bytes", ""),
		(10**400, ""),
	],
)
def test_every_value_has_one_text(value, text):
	assert render_text("{{v}}", {"v": value}) == text


def test_values_are_escaped_in_html_and_the_template_is_not():
	assert render_text("<b>{{doc.customer}}</b>", VALUES, escape=True) == (
		"<b>O&#x27;Neil &amp; &lt;Sons&gt;</b>"
	)


def test_a_text_that_is_one_placeholder_keeps_the_type():
	assert render_value("{{doc.count}}", VALUES) == 3
	assert render_value("{{doc.signed}}", VALUES) is True
	assert render_value("{{doc.tags}}", VALUES) == ["x", "y"]
	assert render_value("{{doc.nothing}}", VALUES) is None
	assert render_value("{{doc.count}} ", VALUES) == "3 "
	assert render_value(7, VALUES) == 7


class TestSecrets:
	def test_stay_for_the_sender_where_they_are_allowed(self):
		assert render_text("k={{secret.key}}", VALUES, keep_secrets=True) == "k={{secret.key}}"
		assert render_value("{{secret.key}}", VALUES, keep_secrets=True) == "{{secret.key}}"
		assert render_value("{{secret.key}}", VALUES) == ""

	@pytest.mark.parametrize(
		("template", "values"),
		[
			("{{a}}", {"a": "{{secret.key}}"}),
			("x{{a}}{{b}}", {"a": "{", "b": "{secret.key}}"}),
			("{{{a}}", {"a": "{secret.key}}"}),
			("{{a}}{secret.key}}", {"a": "{"}),
			("{{a}}{{b}}{{c}}", {"a": "{", "b": "", "c": "{secret.key}}"}),
			("x {{a}}", {"a": ["{{secret.key}}"]}),
		],
	)
	def test_a_value_cannot_spell_one(self, template, values):
		assert find_placeholders(render_text(template, values, keep_secrets=True)) == []
		rendered = render_json([template], values, keep_secrets=True)
		assert find_placeholders(str(rendered)) == []


class TestJson:
	def test_is_parsed_before_it_is_rendered_so_values_cannot_change_it(self):
		raw = '{"name": "{{doc.evil}}", "qty": "{{doc.qty}}", "{{doc.qty}}": 1}'
		values = {"doc": {"evil": '", "admin": "yes', "qty": 2}}
		expected = {"name": '", "admin": "yes', "qty": 2, "{{doc.qty}}": 1}
		assert render_json(raw, values) == expected

	def test_data_is_rendered_leaf_by_leaf(self):
		assert render_json({"a": ["{{doc.count}}", 1, None, "n {{doc.count}}"]}, VALUES) == {
			"a": [3, 1, None, "n 3"]
		}

	@pytest.mark.parametrize(
		"raw",
		["{", "", '{"a": {{doc.count}}}', '{"a": NaN}', "[" * 100_000, "[" * 300 + "]" * 300, "1" * 10_000],
	)
	def test_what_is_no_json_is_a_bad_template(self, raw):
		with pytest.raises(BadTemplate):
			render_json(raw, VALUES)

	def test_a_placeholder_outside_quotes_is_named(self):
		with pytest.raises(BadTemplate) as caught:
			render_json('{"a": {{doc.count}}}', VALUES)
		assert '"{{doc.count}}"' in caught.value.message


class TestBounds:
	def test_a_long_text_is_cut_with_a_marker(self):
		text = render_text("{{v}}" * 100, {"v": "x" * 100_000})
		assert text.endswith(CUT_MARKER)
		assert len(text) <= MAX_TEXT + len(CUT_MARKER)

	def test_a_long_template_is_cut_too(self):
		assert len(render_text("x" * (MAX_TEXT + 5), {})) == MAX_TEXT + len(CUT_MARKER)

	def test_much_work_for_little_text_ends_too(self):
		values = {"v": [["x" * 1_000] * 100] * 100}
		assert render_text("{{v|json|count}}" * 10_000, values).endswith(CUT_MARKER)

	def test_json_that_grows_too_large_is_a_bad_template(self):
		with pytest.raises(BadTemplate):
			render_json(["{{v}}"] * 1_000, {"v": list(range(10_000))})
		with pytest.raises(BadTemplate):
			render_json(["x{{v}}"] * 1_000, {"v": "x" * 10_000})

	def test_deep_values_render_as_nothing(self):
		deep = []
		for _ in range(100_000):
			deep = [deep]
		assert render_text("[{{v}}]", {"v": deep}) == "[]"


class TestPaths:
	@pytest.mark.parametrize(
		("path", "expected"),
		[
			("doc.name", "SO-1"),
			("doc.items.0.qty", 2),
			("doc.items.00.qty", MISSING),
			("doc.none", None),
			("doc.none.x", MISSING),
			("doc.name.0", MISSING),
			("doc.__secret", MISSING),
			("nothing", MISSING),
			("", MISSING),
		],
	)
	def test_lead_through_mappings_and_lists_only(self, path, expected):
		assert resolve_path(path, VALUES) is expected or resolve_path(path, VALUES) == expected

	def test_do_not_read_attributes_or_call(self):
		class Thing:
			name = "attribute"

		assert resolve_path("thing.name", {"thing": Thing()}) is MISSING


def test_placeholders_are_found_with_their_filters():
	assert find_placeholders("a {{doc.x}} {{ doc.y | add_days:7|date }} {{bad path}}") == [
		Placeholder("doc.x", (), "{{doc.x}}"),
		Placeholder("doc.y", (("add_days", "7"), ("date", None)), "{{ doc.y | add_days:7|date }}"),
	]


@pytest.mark.parametrize(
	("text", "count"),
	[
		("no placeholder { } {x}", 0),
		("{{doc.x|default:'a, b'}} {{doc.y|join:\" - \"}}", 0),
		('{"a": {"b": 1}}', 0),
		("{{doc.x", 1),
		("doc.x}}", 1),
		("{{}}", 1),
		("{{doc x}}", 1),
		("{{doc..x}}", 1),
		("{{.doc}}", 1),
		("{{doc.x()}}", 1),
		("{{doc[0]}}", 1),
		("{{doc.__class__}}", 1),
		("{{doc.x|nope}}", 1),
		("{{doc.x|}}", 1),
		("{{doc.x|upper:1}}", 1),
		("{{doc.x|default}}", 1),
		("{{doc.x|add_days:x}}", 1),
		("{{doc.x|number:-1}}", 1),
		("{{doc.x|round:99}}", 1),
		("{{doc.x|default:'open}}", 1),
		("{{" + "x" * 1_000 + "}}", 1),
		("{{a b}} {{c d}} {{", 3),
	],
)
def test_problems_of_placeholders_are_all_named(text, count):
	assert len(placeholder_problems(text)) == count


class TestPayload:
	FIELDS = (
		Field("subject", "Subject", default="Hello {{doc.name}}"),
		Field("body", "Body", "textarea", html=True),
		Field("hours", "Hours", "number"),
		Field("safe", "Safe", "check"),
		Field("data", "Data", "json"),
		Field("url", "URL", secrets=True, single_line=True),
		Field("headers", "Headers", "json", secrets=True, single_line=True),
		Field("what", "What", "variable"),
		Field("when", "When", "condition"),
		Field("any", "Any", "template"),
	)

	def render(self, **payload):
		return render_payload(self.FIELDS, payload, VALUES)

	def test_absent_fields_take_their_defaults_and_unknown_keys_are_dropped(self):
		rendered = self.render(nonsense=1)
		assert set(rendered) == {field.name for field in self.FIELDS}
		assert rendered["subject"] == "Hello SO-1"
		assert rendered["hours"] is None
		assert rendered["safe"] is False

	@pytest.mark.parametrize(
		("field", "raw", "expected"),
		[
			("subject", "{{doc.count}}", "3"),
			("subject", 5, 5),
			("body", "<p>{{doc.customer}}", "<p>O&#x27;Neil &amp; &lt;Sons&gt;"),
			("hours", "{{doc.total}}", 1234.5),
			("hours", "2", 2),
			("hours", "", None),
			("hours", "{{doc.nothing}}", None),
			("safe", "{{doc.signed}}", True),
			("safe", "no", False),
			("safe", 1, True),
			("data", '{"a": "{{doc.tags}}"}', {"a": ["x", "y"]}),
			("data", ["{{doc.count}}"], [3]),
			("data", " ", None),
			("url", "https://a/{{secret.key}}/{{doc.name}}", "https://a/{{secret.key}}/SO-1"),
			("headers", '{"X": "{{secret.key}}"}', {"X": "{{secret.key}}"}),
			("what", "{{doc.name}}", "{{doc.name}}"),
			("when", {"field": "doc.name"}, {"field": "doc.name"}),
			("any", ["{{doc.count}}", 1], [3, 1]),
		],
	)
	def test_each_field_renders_by_its_type(self, field, raw, expected):
		assert self.render(**{field: raw})[field] == expected

	@pytest.mark.parametrize(
		("field", "raw"),
		[
			("hours", "two"),
			("hours", "{{doc.tags}}"),
			("safe", "perhaps"),
			("data", "{"),
			("url", "https://a/{{v}}"),
			("url", "https://a/\r\nHost: b"),
			("headers", {"X": "{{v}}"}),
			("headers", {"X\n": "y"}),
		],
	)
	def test_what_does_not_fit_names_its_field(self, field, raw):
		with pytest.raises(BadTemplate) as caught:
			render_payload(self.FIELDS, {field: raw}, {**VALUES, "v": "a\nb"})
		assert caught.value.field == field
