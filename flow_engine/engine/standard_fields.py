"""Fields that Frappe keeps on every document by itself: no flow writes them, wherever it runs."""

STANDARD_FIELDS = frozenset(
	(
		"name",
		"doctype",
		"owner",
		"creation",
		"modified",
		"modified_by",
		"docstatus",
		"idx",
		"parent",
		"parenttype",
		"parentfield",
	)
)
