import { setFlagsFromString } from "node:v8";
import type { Config } from "./config-schema.ts";
import { createLog, type Log } from "./log.ts";
import { startService } from "./start.ts";
import { notifyServiceManager, takeHandedSockets } from "./systemd.ts";

/** Serves until it is told to stop. Returns the exit code. */
export async function serve(config: Config): Promise<number> {
  // What packets and chunks leave behind is short-lived. To let the heap's young generation grow for it takes some 40 MiB
  // more, and serves nothing faster.
  setFlagsFromString("--semi-space-growth-factor=1");
  const log = createLog(config.logFormat, (line) => process.stderr.write(line));
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) => {
      log(
        "error",
        "service",
        `a fault of the server: ${error instanceof Error ? error.stack : String(error)}`,
      );
      process.exit(1);
    });
  }
  const stopRequested = nextStopSignal();
  const service = await startService(config, takeHandedSockets(process.env, process.pid), log);
  await notify(log, "--ready", "--status=Serving");
  log("info", "service", "ready", { pid: process.pid });

  const signal = await stopRequested;
  void nextStopSignal().then((second) => process.exit(second === "SIGINT" ? 130 : 143));
  log("info", "service", "stops: what is under way may finish", {
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

/** A manager that hears nothing acts on its own: no reason not to serve. */
async function notify(log: Log, ...state: string[]): Promise<void> {
  await notifyServiceManager(...state).catch((error: Error) =>
    log("warn", "service", `cannot tell systemd (${state.join(" ")}): ${error.message}`),
  );
}
