// The scripts for the host: POSIX sh with OpenSSH, coreutils and util-linux (or busybox) on Linux. Each file documents its
// arguments and its output.
import findSshd from "./scripts/find-sshd.sh";
import finish from "./scripts/finish.sh";
import generate from "./scripts/generate.sh";
import helpers from "./scripts/helpers.sh";
import listCertificates from "./scripts/list-certificates.sh";
import lock from "./scripts/lock.sh";
import observe from "./scripts/observe.sh";
import readRecord from "./scripts/read-record.sh";
import reload from "./scripts/reload.sh";
import serveNewKey from "./scripts/serve-new-key.sh";
import sign from "./scripts/sign.sh";
import startSshd from "./scripts/start-sshd.sh";
import swap from "./scripts/swap.sh";
import swapBack from "./scripts/swap-back.sh";
import writeRecord from "./scripts/write-record.sh";

const withSshd = `${helpers}${findSshd}`;

export const OBSERVE = `${withSshd}${observe}`;
export const LIST_CERTIFICATES = `${withSshd}${listCertificates}`;
export const LOCK = lock;
export const READ_RECORD = readRecord;
export const WRITE_RECORD = `${helpers}${writeRecord}`;
export const GENERATE = `${helpers}${generate}`;
export const SIGN = sign;
export const SERVE_NEW_KEY = `${withSshd}${serveNewKey}`;
export const SWAP = `${withSshd}${swap}`;
export const SWAP_BACK = `${helpers}${swapBack}`;
export const RELOAD = `${withSshd}${reload}`;
export const START_SSHD = startSshd;
export const FINISH = `${helpers}${finish}`;
