import type { Route } from "../exchange.ts";
import { claimRoute } from "./claim.ts";
import { genericScriptRoute } from "./generic-script.ts";
import { hardwareRoute } from "./hardware.ts";
import { healthRoute } from "./health.ts";
import { initrdRoute } from "./initrd.ts";
import { kernelRoute } from "./kernel.ts";
import { machineScriptRoute } from "./machine-script.ts";
import { metricsRoute } from "./metrics.ts";
import { nbpRoute } from "./nbp.ts";
import { overlayRoute } from "./overlay.ts";
import { reportRoute } from "./report.ts";
import { statusRoutes } from "./status.ts";

export const routes: readonly Route[] = [
  genericScriptRoute,
  machineScriptRoute,
  kernelRoute,
  initrdRoute,
  overlayRoute,
  claimRoute,
  reportRoute,
  hardwareRoute,
  nbpRoute,
  ...statusRoutes,
  metricsRoute,
  healthRoute,
];
