// Field type → widget. A type that is not known here is edited as a text.
import CheckField from "./CheckField.vue";
import ConditionField from "./ConditionField.vue";
import DatetimeField from "./DatetimeField.vue";
import JsonField from "./JsonField.vue";
import LinkField from "./LinkField.vue";
import LinksField from "./LinksField.vue";
import NumberField from "./NumberField.vue";
import SelectField from "./SelectField.vue";
import TextField from "./TextField.vue";
import VariableField from "./VariableField.vue";

const WIDGETS = {
	text: TextField,
	textarea: TextField,
	template: TextField,
	number: NumberField,
	select: SelectField,
	check: CheckField,
	link: LinkField,
	links: LinksField,
	datetime: DatetimeField,
	json: JsonField,
	variable: VariableField,
	condition: ConditionField,
};

/** The component that edits fields of this type. */
export const widgetFor = (type) => WIDGETS[type] ?? TextField;
