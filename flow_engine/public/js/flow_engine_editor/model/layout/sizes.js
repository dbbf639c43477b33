// Every size of the picture, in pixels. Nothing is measured in the page, so the picture of a flow is a value.

export const CARD = { width: 278, height: 64, tall: 92 };
// Between a block and the next; a "+" stands in its middle.
export const GAP = 52;
// Between lanes, columns and steps side by side.
export const LANE_GAP = 24;
// From a card down to the line on which its lanes part, to their labels, and to the "+" that begins each.
export const FORK = 20;
export const LABEL = 44;
export const FIRST_PLUS = 74;
export const LANE_HEAD = 96;
// Below the last step of a lane, before the lanes join: room for its "+".
export const LANE_TAIL = 48;
export const EMPTY_LANE_WIDTH = 132;
// Above and below steps that run side by side: room for a "+" of each.
export const COLUMN_PAD = 44;
// Between rows of steps that wait for each other crosswise.
export const ROW_GAP = 76;
export const MARGIN = 40;
