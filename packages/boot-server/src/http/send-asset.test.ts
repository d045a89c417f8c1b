import { afterEach, describe, expect, it, jest } from "@jest/globals";
import type { Sighting } from "../core/api.ts";
import type { HttpSources } from "./exchange.ts";
import { sightings } from "./send-asset.ts";

afterEach(() => void jest.useRealTimers());

const MIB = 2 ** 20;

function observed(size: number) {
  const seen: Sighting[] = [];
  const sources = { core: { sighted: (sighting: Sighting) => seen.push(sighting) } };
  const exchange = { sources: sources as unknown as HttpSources, address: "10.0.0.9" };
  return { seen, onProgress: sightings(exchange, { mac: "52:54:00:12:34:56", name: "kernel", size }) };
}

describe("sightings", () => {
  it("name the machine and the download", () => {
    const { seen, onProgress } = observed(2048);
    onProgress(0, "started");
    expect(seen).toEqual([
      {
        mac: "52:54:00:12:34:56",
        address: "10.0.0.9",
        text: "Loads kernel: 0 KiB of 2 KiB",
        download: { name: "kernel", sent: 0, size: 2048 },
      },
    ]);
  });

  it.each([
    [1, "started", 1, "Loads kernel: 1 KiB of 1 KiB"],
    [1024, "complete", 1024, "Loaded kernel (1 KiB)"],
    [1025, "complete", 1025, "Loaded kernel (2 KiB)"],
    [MIB - 1, "complete", MIB - 1, "Loaded kernel (1024 KiB)"],
    [MIB, "complete", MIB, "Loaded kernel (1.0 MiB)"],
    [3 * MIB, "stopped", 1024, "Stopped loading kernel: 1 KiB of 3.0 MiB"],
    // The end of a range is not the end of the file.
    [3 * MIB, "complete", 1024, "Loads kernel: 1 KiB of 3.0 MiB"],
    // The last bytes were sent, but the client may lack earlier ones.
    [1024, "stopped", 1024, "Stopped loading kernel: 1 KiB of 1 KiB"],
  ] as const)("of %i bytes, %s at %i: %s", (size, state, sent, text) => {
    const { seen, onProgress } = observed(size);
    onProgress(sent, state);
    expect(seen.map((each) => each.text)).toEqual([text]);
  });

  it("come every 250 ms while the download goes on, and always at its end", () => {
    jest.useFakeTimers();
    const { seen, onProgress } = observed(MIB);
    onProgress(0, "started");
    for (let sent = 1; sent <= 600; sent++) {
      jest.advanceTimersByTime(1);
      onProgress(sent, "going");
    }
    onProgress(MIB, "complete");
    expect(seen.map(({ download }) => download?.sent)).toEqual([0, 250, 500, MIB]);
  });
});
