// What runs on the host: POSIX sh with coreutils, or busybox.
import applyAttributes from "./scripts/apply-attributes.sh";
import observe from "./scripts/observe.sh";
import remove from "./scripts/remove.sh";
import replace from "./scripts/replace.sh";
import resolve from "./scripts/resolve.sh";
import setAttributes from "./scripts/set-attributes.sh";

export const OBSERVE = `${resolve}${observe}`;
export const REPLACE = `${resolve}${applyAttributes}${replace}`;
export const SET_ATTRIBUTES = `${resolve}${applyAttributes}${setAttributes}`;
export const REMOVE = remove;
