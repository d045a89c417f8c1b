import { ProviderError, runProcess } from "@nixops4-providers/provider-sdk";

export interface LockOptions {
  /** How long to wait for other holders, in seconds. */
  timeoutSeconds: number;
  signal?: AbortSignal | undefined;
  /** Called when the lock is not available within half a second. */
  onWait?: (() => void) | undefined;
}

const WAIT_NOTICE_MS = 500;
const CONFLICT_EXIT_CODE = 75;

/** Another process has the lock. */
export class LockedError extends ProviderError {
  override readonly name = "LockedError";
  constructor(timeoutSeconds: number) {
    super(
      timeoutSeconds === 0
        ? "another process has it locked"
        : `another process has held the lock for ${timeoutSeconds} s`,
      { hint: "Wait for the other deployment to end, or end it, and try again." },
    );
  }
}

/**
 * Takes a flock(2) lock on an open file. Closing the file releases it. Node has no call for this, so util-linux's `flock`
 * takes the lock on an inherited descriptor. The lock belongs to the open file, not to the process, so it stays when `flock`
 * has ended. It excludes every process that uses flock(2), such as nixops4's own provider.
 */
export async function lockFile(
  fd: number,
  kind: "shared" | "exclusive",
  { timeoutSeconds, signal, onWait }: LockOptions,
): Promise<void> {
  const notice = onWait === undefined ? undefined : setTimeout(onWait, WAIT_NOTICE_MS);
  const args = [
    kind === "exclusive" ? "-x" : "-s",
    "-w",
    String(timeoutSeconds),
    "-E",
    String(CONFLICT_EXIT_CODE),
    "3",
  ];
  try {
    await runProcess("flock", args, { signal, inheritFds: [fd] });
  } catch (cause) {
    const { exitCode } = cause as { exitCode?: number };
    if (exitCode === CONFLICT_EXIT_CODE) {
      throw new LockedError(timeoutSeconds);
    }
    throw new ProviderError("cannot lock the file", {
      cause,
      hint: "Locking needs the program `flock` of util-linux.",
    });
  } finally {
    clearTimeout(notice);
  }
}
