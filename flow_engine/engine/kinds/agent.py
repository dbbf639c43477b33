"""The kinds of conversational flows. Data for the editor only, so far: none of them can be published."""

from __future__ import annotations

from flow_engine.engine.kinds.base import Effect, Field, Kind


def _agent(
	name: str, label: str, icon: str, colour: str, effect: Effect, text: str, *fields: Field, **more
) -> Kind:
	return Kind(
		name=name,
		label=label,
		icon=icon,
		colour=colour,
		catalog="agent",
		effect=effect,
		help=text,
		fields=fields,
		**more,
	)


KINDS = (
	_agent(
		"agent_say",
		"Say",
		"message",
		"#0891b2",
		Effect.EXTERNAL,
		"Tells the person something.",
		Field("message", "Message", "textarea", required=True, help="What to say."),
	),
	_agent(
		"agent_ask",
		"Ask",
		"help",
		"#2563eb",
		Effect.EXTERNAL,
		"Asks a question and keeps the answer.",
		Field("question", "Question", "textarea", required=True, help="What to ask."),
		Field(
			"answer_type", "Answer", "select", options=("text", "number", "choice", "date"), default="text"
		),
		Field(
			"choices",
			"Choices",
			"text",
			required=True,
			depends_on={"field": "answer_type", "op": "==", "value": "choice"},
			help="Separated by commas.",
		),
	),
	_agent(
		"agent_understand",
		"Understand",
		"search",
		"#7c3aed",
		Effect.EXTERNAL,
		"Finds out which of several intents the person's words express.",
		Field("intents", "Intents", "textarea", required=True, help="One per line."),
		branches=("understood", "unclear"),
	),
	_agent(
		"agent_decide",
		"Decide",
		"branch",
		"#d97706",
		Effect.NONE,
		"Chooses a branch from what is known so far.",
		Field(
			"condition", "Condition", "condition", required=True, help="What must hold for the branch yes."
		),
		branches=("yes", "no"),
	),
	_agent(
		"agent_look_up",
		"Look up",
		"list",
		"#059669",
		Effect.NONE,
		"Reads a document, so that what follows can speak of it.",
		Field("doctype", "DocType", "link", required=True, options=("DocType",)),
		Field("docname_ref", "Document", "template", required=True, help="Its name, e.g. {{customer.name}}."),
		branches=("found", "not_found"),
	),
	_agent(
		"agent_hand_over",
		"Hand over",
		"assign",
		"#dc2626",
		Effect.DATABASE,
		"Gives the conversation to a person.",
		Field("team", "Team", "text", required=True, help="Who takes over."),
		Field("summary", "Summary", "textarea", help="What they should know."),
	),
)
