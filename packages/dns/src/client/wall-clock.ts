/** The time of day, in seconds since 1970: for what is compared with the clocks of others. */
export function wallClockSeconds(): number {
  return new Date().getTime() / 1000;
}
