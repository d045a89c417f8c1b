/**
 * How many times longer than on a machine with nothing else to do a test waits for what is to come, before it takes it
 * that it never will. Costs nothing when it comes.
 */
export const BUSY = 8;
