export { lockFile, type LockOptions } from "./lock.ts";
export { openLog, createLog, type OpenLog, type LogOptions, type LogPosition } from "./log.ts";
export { DamagedLogError, parseRecords } from "./records.ts";
export { replaceFile, syncFolder } from "./replace-file.ts";
