export { LockedError, lockFile, type LockOptions } from "./lock.ts";
export { openLog, createLog, type OpenLog, type LogOptions, type LogPosition } from "./log.ts";
export { naming } from "./naming.ts";
export { DamagedLogError, parseRecords } from "./records.ts";
export { errorWithCode, syncFolder, withInode, withPlace, type Place } from "./place.ts";
export {
  changeMode,
  makeFolder,
  overwriteFile,
  readRegularFile,
  removeFile,
  replaceFile,
} from "./replace-file.ts";
