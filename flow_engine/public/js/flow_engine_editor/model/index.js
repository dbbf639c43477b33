// Everything the editor's components need of the model.
export * from "./flow.js";
export * from "./kinds.js";
export * from "./messages.js";
export * from "./operations.js";
export { idsNamed, renameReads, stepsRead } from "./reads.js";
export { placeAfter, placeAtEnd, placeAtStart, placeBefore } from "./operations/place.js";
