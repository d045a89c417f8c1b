/**
 * The factor for time limits of tests, relative to an idle machine. A higher value costs nothing when the awaited event
 * happens.
 */
export const BUSY = 8;
