// Everything the editor's components need of the model.
export * from "./flow.js";
export * from "./kinds.js";
export * from "./messages.js";
export * from "./operations.js";
export { idsNamed, renameReads, stepsRead } from "./reads.js";
export { placeAfter, placeAtEnd, placeAtStart, placeBefore } from "./operations/place.js";
export { layoutFlow } from "./layout.js";
export * as SIZES from "./layout/sizes.js";
export { createHistory } from "./history.js";
export { changesBetween, countChanges } from "./diff.js";
export { layoutNarrow } from "./narrow.js";
export { formOf, fromBuilder, operatorsFor, parseCondition, toBuilder } from "./conditions.js";
export { fromLogic, toLogic } from "./logic.js";
export { isPath, lonePath } from "./paths.js";
export { fieldOf, placeProblems } from "./problems.js";
export { durationWords, slaSentences, withinWords } from "./summary/service_levels.js";
export { documentType, findVariable, nearest, unknownPath, variablesAt } from "./variables.js";
export {
	conditionText,
	documentLabel,
	stepSummary,
	triggerCondition,
	triggerSentence,
	whenSentence,
} from "./summary.js";
