import { access } from "node:fs/promises";
import { type Context, describeError, ProviderError, runProcess } from "@nixops4-providers/provider-sdk";
import { openScript, type SshConnection } from "@nixops4-providers/ssh-client";
import { NixLog } from "./nix-log.ts";
import { startRelay } from "./relay.ts";
import receive from "./receive.sh";

export interface CopyOptions {
  sudo: boolean;
  substituteOnDestination: boolean;
  timeoutSeconds: number;
}

/**
 * Copies a store path with its closure over a connection. Paths are synced to the host's disk before they become valid, so
 * they are complete even after a power cut.
 */
export async function copyClosure(
  ssh: SshConnection,
  path: string,
  { sudo, substituteOnDestination, timeoutSeconds }: CopyOptions,
  context: Context,
): Promise<void> {
  await requireHere(path, ssh.label);
  const progress = context.progress(`copying ${path} to ${ssh.label}`);
  const log = new NixLog();
  const remoteErrors: string[] = [];
  const takeRemoteError = (text: string) => void remoteErrors.push(text.slice(0, 1000));
  const relay = await startRelay(
    () =>
      openScript(ssh, {
        script: receive,
        sudo,
        timeoutSeconds,
        doing: "receive store paths",
        onStderrLine: takeRemoteError,
      }),
    (error) => takeRemoteError(describeError(error)),
  );
  try {
    await runProcess("nix", copyArguments(path, substituteOnDestination), {
      env: relay.env,
      timeoutSeconds,
      signal: context.signal,
      onStderrLine(line) {
        log.takeLine(line);
        progress.update(log.progress);
      },
    });
  } catch (cause) {
    await requireValid(path, ssh.label, context);
    throw copyError(path, ssh, [...log.errors, ...remoteErrors.slice(-10)], cause, context);
  } finally {
    progress.done();
    await relay.close();
  }
}

function copyArguments(path: string, substituteOnDestination: boolean): string[] {
  const options = ["--no-check-sigs", ...(substituteOnDestination ? ["--substitute-on-destination"] : [])];
  const nix = ["--extra-experimental-features", "nix-command", "--log-format", "internal-json"];
  // The host name is arbitrary; for `localhost`, Nix would use this machine's daemon. With more than one connection, some
  // versions of Nix start a master connection of ssh.
  return [...nix, "copy", ...options, "--to", "ssh-ng://nixops4-target?max-connections=1", path];
}

async function requireHere(path: string, label: string): Promise<void> {
  try {
    await access(path);
  } catch {
    throw new ProviderError(
      `cannot copy ${path} to ${label}: it exists neither there nor on the deploying machine`,
      { hint: "Build it first, on the deploying machine or on the host." },
    );
  }
}

/** Throws if the copy failed because the path is not valid in the local store. */
async function requireValid(path: string, label: string, { signal }: Context): Promise<void> {
  if (signal.aborted) return;
  try {
    await runProcess("nix-store", ["--check-validity", path], { signal, timeoutSeconds: 60 });
  } catch (cause) {
    if (!isNotValid(cause)) return;
    throw new ProviderError(
      `cannot copy ${path} to ${label}: it exists, but is not valid in the Nix store of the deploying machine`,
      { hint: "An interrupted build or copy leaves such paths. Build it again with `nix-store --realise`." },
    );
  }
}

function isNotValid(error: unknown): boolean {
  return error instanceof Error && error.message.includes("is not valid");
}

function copyError(
  path: string,
  ssh: SshConnection,
  errors: string[],
  cause: unknown,
  { signal }: Context,
): ProviderError {
  const what = `cannot copy ${path} to ${ssh.label}`;
  if (signal.aborted || errors.length === 0) return new ProviderError(what, { cause });
  const text = errors.join("\n");
  const hint = hintFor(text, ssh.user);
  return new ProviderError(`${what}: ${text}`, hint === undefined ? {} : { hint });
}

/** Returns what to do about the errors of a failed copy. */
export function hintFor(text: string, user: string): string | undefined {
  if (/no space left on device|disk is full|ENOSPC/i.test(text)) {
    return "The file system of the host's Nix store is full: free space there (`nix-collect-garbage`) and apply again. Complete store paths are not copied again.";
  }
  if (/lacks a (valid )?signature|not (a )?trusted|privileged/i.test(text)) {
    return `The host's Nix daemon does not trust ${user}: set \`sudo\`, or add the user to \`nix.settings.trusted-users\`.`;
  }
  if (/nix-daemon.*not found|command not found/i.test(text)) return "The host has no Nix.";
  return undefined;
}
