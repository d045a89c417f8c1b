import type { GuestRun } from "../guest/guest-run.ts";
import type { Inputs } from "./schema.ts";

export type Run = GuestRun<Inputs>;
