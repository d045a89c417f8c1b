import type { GuestRun } from "../guest/guest-run.ts";
import type { Inputs } from "../resources/vm.ts";

export type Run = GuestRun<Inputs>;
