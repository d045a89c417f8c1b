export { LockedError, lockFile, type LockOptions } from "./lock.ts";
export { openLog, createLog, type OpenLog, type LogOptions, type LogPosition } from "./log.ts";
export { naming } from "./naming.ts";
export { DamagedLogError, parseRecords } from "./records.ts";
export { makePrivateFolder, syncFolder, withInode, withPlace, type Place } from "./place.ts";
export {
  changeMode,
  overwriteFile,
  readRegularFile,
  removeFile,
  replaceFile,
  type ReadFile,
} from "./replace-file.ts";
