import { openLog, type OpenLog } from "@nixops4-providers/durable-log";

const MIN_LONG_BYTES = 4 * 1024 * 1024;

/** A log in the locked folder, which measures how long it has become. */
export class RecordFile {
  readonly #log: OpenLog;
  #bytes: number;
  /** The size after the last rewrite, in bytes. */
  #leastBytes: number;

  private constructor(log: OpenLog, bytes: number, leastBytes: number) {
    this.#log = log;
    this.#bytes = bytes;
    this.#leastBytes = leastBytes;
  }

  static async open(
    path: string,
    onRecord: (record: unknown) => void,
    log: (message: string) => void,
  ): Promise<RecordFile> {
    const file = await openLog(path, "held", {
      timeoutSeconds: 0,
      onRepair: (side, bytes) =>
        log(`the last write to ${path} was incomplete: its ${bytes} bytes were moved to ${side}`),
    });
    try {
      const { torn } = await file.scan(onRecord);
      if (torn && file.isIntact) throw new Error("it contains no complete record");
      return new RecordFile(file, await file.size(), 0);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get isIntact(): boolean {
    return this.#log.isIntact;
  }

  get isLong(): boolean {
    return this.#bytes > Math.max(MIN_LONG_BYTES, 4 * this.#leastBytes);
  }

  async append(record: object): Promise<void> {
    this.#bytes += await this.#log.append(record);
  }

  async replace(records: Iterable<object>): Promise<void> {
    this.#bytes = this.#leastBytes = await this.#log.replace(records);
  }

  async close(): Promise<void> {
    await this.#log.close();
  }
}
