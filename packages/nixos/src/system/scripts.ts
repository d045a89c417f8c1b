// What runs on the host: POSIX sh with coreutils and util-linux, or busybox. Each file says what its arguments are.
import agent from "./scripts/agent.sh";
import decide from "./scripts/decide.sh";
import follow from "./scripts/follow.sh";
import observe from "./scripts/observe.sh";
import reboot from "./scripts/reboot.sh";
import runCheck from "./scripts/run-check.sh";
import start from "./scripts/start.sh";

export const AGENT = agent;
export const DECIDE = decide;
export const FOLLOW = follow;
export const OBSERVE = observe;
export const REBOOT = reboot;
export const RUN_CHECK = runCheck;
export const START = start;
