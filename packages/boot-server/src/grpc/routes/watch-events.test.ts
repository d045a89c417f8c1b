import { EventEmitter } from "node:events";
import { Writable } from "node:stream";
import { status, type ServerWritableStream } from "@grpc/grpc-js";
import { describe, expect, it } from "@jest/globals";
import type { Event, WatchEventsRequest } from "@nixops4-providers/boot-api";
import type { BootCore, CoreEvent } from "../../core/api.ts";
import { MAX_BACKLOG, watchEvents } from "./watch-events.ts";

describe("a watcher that does not read", () => {
  it("is ended before much is kept for it", () => {
    const { call, emit, subscribed, ended } = stalledWatcher();
    for (let i = 0; i < MAX_BACKLOG; i++) emit(step(i));
    expect(subscribed()).toBe(true);
    for (let i = 0; i < 10; i++) emit(step(i));
    expect(subscribed()).toBe(false);
    expect(call.writableLength).toBeLessThan(MAX_BACKLOG + 10);
    expect(ended()).toMatchObject({ code: status.RESOURCE_EXHAUSTED });
  });

  it("misses progress, which is no reason to end it", () => {
    const { call, emit, subscribed } = stalledWatcher();
    for (let i = 0; i < 10 * MAX_BACKLOG; i++) emit(download(i));
    expect(call.writableLength).toBeLessThan(20);
    expect(subscribed()).toBe(true);
  });

  it("gets all that is stored, even when that is more", () => {
    const stored = Array.from({ length: 5 * MAX_BACKLOG }, (_, i) => step(i));
    const { call, emit, subscribed } = stalledWatcher(stored);
    emit(step(0));
    expect(call.writableLength).toBe(5 * MAX_BACKLOG + 1);
    expect(subscribed()).toBe(true);
  });
});

/** Makes a call whose first write never ends, and the part of the core that it uses. */
function stalledWatcher(stored: CoreEvent[] = []) {
  const events = new EventEmitter();
  const core = {
    watch(_: unknown, onEvent: (event: CoreEvent) => void) {
      stored.forEach(onEvent);
      events.on("event", onEvent);
      return () => events.off("event", onEvent);
    },
  } as unknown as BootCore;
  const stalled = new Writable({ objectMode: true, write: () => {} });
  const call = Object.assign(stalled, {
    request: { entryId: "", afterCursor: 0 },
  }) as unknown as ServerWritableStream<WatchEventsRequest, Event>;
  let end: unknown;
  call.on("error", (error) => (end = error));
  const stopping = new AbortController().signal;
  watchEvents({ core, scriptUrl: (mac) => mac, log: () => {}, stopping }, call);
  return {
    call,
    emit: (event: CoreEvent) => events.emit("event", event),
    subscribed: () => events.listenerCount("event") > 0,
    ended: () => end,
  };
}

function step(cursor: number): CoreEvent {
  return {
    kind: "step",
    cursor,
    id: "web",
    at: 0,
    event: { kind: "renewed", id: "web", at: 0 },
    entry: undefined,
  };
}

function download(sent: number): CoreEvent {
  return { kind: "download", cursor: 0, id: "web", at: 0, name: "kernel", sent, size: 10_000 };
}
