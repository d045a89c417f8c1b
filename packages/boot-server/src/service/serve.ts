import { setFlagsFromString } from "node:v8";
import type { Config } from "./config-schema.ts";
import { createLog, type Log } from "./log.ts";
import { startService } from "./start.ts";
import { notifyServiceManager, takeHandedSockets } from "./systemd.ts";

/** Runs the service until SIGTERM or SIGINT. Returns the exit code. */
export async function serve(config: Config): Promise<number> {
  // Packets and chunks are short-lived garbage. A growing young generation would take 40 MiB more, and make nothing faster.
  setFlagsFromString("--semi-space-growth-factor=1");
  const log = createLog(config.logFormat, (line) => process.stderr.write(line));
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log("error", "service", `internal error: ${error instanceof Error ? error.stack : String(error)}`);
      process.exit(1);
    });
  }
  const stopRequested = nextStopSignal();
  const service = await startService(config, takeHandedSockets(process.env, process.pid), log);
  await notify(log, "--ready", "--status=Serving");
  log("info", "service", "ready", { pid: process.pid });

  const signal = await stopRequested;
  void nextStopSignal().then((second) => process.exit(second === "SIGINT" ? 130 : 143));
  log("info", "service", "stopping: waiting for running transfers", {
    signal,
    graceSeconds: config.graceSeconds,
  });
  await Promise.all([notify(log, "--status=Stopping", "STOPPING=1"), service.stop()]);
  log("info", "service", "stopped");
  return 0;
}

async function nextStopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const signals = ["SIGTERM", "SIGINT"] as const;
    const onSignal = (signal: NodeJS.Signals) => {
      for (const each of signals) process.off(each, onSignal);
      resolve(signal);
    };
    for (const each of signals) process.on(each, onSignal);
  });
}

/** Notifies the service manager. A failure is only logged. */
async function notify(log: Log, ...state: string[]): Promise<void> {
  await notifyServiceManager(...state).catch((error: Error) =>
    log("warn", "service", `cannot notify systemd (${state.join(" ")}): ${error.message}`),
  );
}
