import { status, type ServerWritableStream, type StatusObject } from "@grpc/grpc-js";
import type { Event, WatchEventsRequest } from "@nixops4-providers/boot-api";
import type { CoreEvent } from "../../core/api.ts";
import { Refusal } from "../../core/refusal.ts";
import type { GrpcContext } from "../context.ts";
import { eventToApi } from "../convert.ts";
import { toStatus } from "../status.ts";

/** A watcher with more unread events is ended. Progress events are skipped much earlier. */
export const MAX_BACKLOG = 1000;
const MAX_BACKLOG_WITH_PROGRESS = 16;

export function watchEvents(
  { core, scriptUrl, log, stopping }: GrpcContext,
  call: ServerWritableStream<WatchEventsRequest, Event>,
): void {
  const { entryId, afterCursor } = call.request;
  // The stored events are sent at once, without a limit.
  let limit = Infinity;
  let unsubscribe = () => {};

  const send = (event: CoreEvent) => {
    const backlog = call.writableLength;
    if (backlog > limit) end(tooSlow);
    else if (event.kind === "step" || backlog <= MAX_BACKLOG_WITH_PROGRESS) {
      call.write(eventToApi(event, scriptUrl));
    }
  };
  const release = () => {
    unsubscribe();
    stopping.removeEventListener("abort", stop);
  };
  const end = (reason: Partial<StatusObject>) => {
    release();
    // In grpc-js, this ends a stream with a status.
    call.emit("error", reason);
  };
  const stop = () => end(serviceStops);

  if (stopping.aborted) return stop();
  stopping.addEventListener("abort", stop);
  call.once("cancelled", release);
  try {
    unsubscribe = core.watch(afterCursor || undefined, (event) => {
      if (entryId === "" || event.id === entryId) send(event);
    });
    limit = call.writableLength + MAX_BACKLOG;
  } catch (error) {
    const tooOld = error instanceof Refusal && error.kind === "absent";
    end(tooOld ? { code: status.OUT_OF_RANGE, details: error.message } : toStatus(error, log));
  }
}

const serviceStops = { code: status.UNAVAILABLE, details: "the service is stopping" };
const tooSlow = {
  code: status.RESOURCE_EXHAUSTED,
  details: "the client read events too slowly: watch again from the last cursor",
};
