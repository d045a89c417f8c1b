import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry, type Metric } from "prom-client";
import type { BootCore } from "../core/api.ts";
import { PHASES } from "../core/model.ts";
import type { HttpAccess } from "../http/server.ts";
import type { TftpServer, TftpStats } from "@nixops4-providers/tftp-server";

/** The metrics for Prometheus at `/metrics`. */
export interface Metrics {
  render: () => Promise<{ contentType: string; text: string }>;
  countHttp: (access: HttpAccess) => void;
  /** Adds the statistics of the TFTP server. */
  watchTftp: (server: TftpServer) => void;
}

const TFTP_COUNTERS: Record<Exclude<keyof TftpStats, "active">, string> = {
  requests: "TFTP read requests",
  finished: "TFTP transfers that were completed",
  sizeProbes: "TFTP requests that only asked for the size",
  failed: "TFTP requests and transfers that failed",
  dropped: "TFTP requests that were dropped because there were too many transfers",
  sentPackets: "TFTP data packets sent, by transfers that have ended",
  sentBytes: "TFTP bytes sent, by transfers that have ended",
  retransmissions: "TFTP packets sent again, by transfers that have ended",
};

export function createMetrics(core: BootCore): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registry.registerMetric(entriesGauge(core));
  const events = new Counter({
    name: "nixops4_boot_events_total",
    help: "Events of boot entries since the start of the server, by kind: booted, claimed, installed and so on",
    labelNames: ["kind"],
    registers: [registry],
  });
  core.watch(undefined, (event) => {
    if (event.kind === "step") events.inc({ kind: event.event.kind });
  });
  const requests = new Counter({
    name: "nixops4_boot_http_requests_total",
    help: "HTTP requests, by status; 0 means that the connection was lost before the answer",
    labelNames: ["status"],
    registers: [registry],
  });
  const bytes = new Counter({
    name: "nixops4_boot_http_sent_bytes_total",
    help: "Bytes sent by HTTP",
    registers: [registry],
  });
  const durations = new Histogram({
    name: "nixops4_boot_http_request_duration_seconds",
    help: "Duration of HTTP requests, downloads included",
    buckets: [0.01, 0.1, 1, 10, 60, 600],
    registers: [registry],
  });
  return {
    render: async () => ({
      contentType: registry.contentType,
      // prom-client writes "Nan", as for the mean of no samples. The format has "NaN".
      text: (await registry.metrics()).replaceAll(/ Nan$/gm, " NaN"),
    }),
    countHttp: ({ status, bytes: sent, durationMs }) => {
      requests.inc({ status: String(status) });
      bytes.inc(sent);
      durations.observe(durationMs / 1000);
    },
    watchTftp: (server) => {
      for (const metric of tftpMetrics(server)) registry.registerMetric(metric);
    },
  };
}

function entriesGauge(core: BootCore): Gauge {
  return new Gauge({
    name: "nixops4_boot_entries",
    help: "Boot entries, by phase",
    labelNames: ["phase"],
    registers: [],
    collect() {
      for (const phase of PHASES) this.set({ phase }, 0);
      for (const { phase } of core.listEntries()) this.inc({ phase });
    },
  });
}

function tftpMetrics(server: TftpServer): Metric[] {
  const transfers = new Gauge({
    name: "nixops4_boot_tftp_transfers",
    help: "TFTP transfers in progress",
    registers: [],
    collect() {
      this.set(server.stats.active);
    },
  });
  const counters = Object.entries(TFTP_COUNTERS).map(
    ([key, help]) =>
      new Counter({
        name: `nixops4_boot_tftp_${key.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}_total`,
        help,
        registers: [],
        collect() {
          this.reset();
          this.inc(server.stats[key as keyof TftpStats]);
        },
      }),
  );
  return [transfers, ...counters];
}
