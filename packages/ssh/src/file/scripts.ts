// The scripts for the host: POSIX sh with coreutils, or busybox. The first three arguments are always the path, the wanted
// owner (may be empty), and `link` to act on a link itself.
import attributes from "./scripts/attributes.sh";
import checkFile from "./scripts/check-file.sh";
import enterFolder from "./scripts/enter-folder.sh";
import observe from "./scripts/observe.sh";
import remove from "./scripts/remove.sh";
import replace from "./scripts/replace.sh";
import setAttributes from "./scripts/set-attributes.sh";

export const OBSERVE = `${enterFolder}${checkFile}${observe}`;
export const REPLACE = `${enterFolder}${checkFile}${attributes}${replace}`;
export const SET_ATTRIBUTES = `${enterFolder}${checkFile}${attributes}${setAttributes}`;
export const REMOVE = `${enterFolder}${remove}`;
