// What the choices of a field are called: their labels, or their names as words.

const WORDS = { sms: "SMS", email: "E-mail" };

/** option: a name, or `{name, label}`. Names of programs become words, others stay as somebody wrote them. */
export function optionWord(option, t) {
	const name = String(option?.name ?? option ?? "");
	const label = option?.label ?? name;
	if (label !== name) return t(label);
	if (WORDS[name]) return t(WORDS[name]);
	return t(/^[a-z][a-z_]*$/.test(name) ? capital(name.replaceAll("_", " ")) : name);
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);
