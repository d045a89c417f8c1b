import { Refusal } from "./request.ts";

interface Task {
  upid: string;
  node: string;
  type: string;
  id: string;
  user: string;
  startedAt: number;
  endedAt: number | undefined;
  exitStatus: string | undefined;
  log: string[];
}

export interface TaskHandle {
  log(line: string): void;
  /** Logs a warning, with which the task ends. */
  warn(line: string): void;
}

/** Tasks that run after the answer. Only their status shows whether they failed. */
export class Tasks {
  readonly #tasks = new Map<string, Task>();
  #count = 0;
  /** The minimum duration of a task. */
  durationMs = 10;
  /** How long the status of a new task is unknown. */
  unknownMs = 0;
  readonly #running = new Set<Promise<void>>();

  start(
    { node, type, id, user }: { node: string; type: string; id: string; user: string },
    work: (task: TaskHandle) => void | Promise<void>,
  ): string {
    const hex = (value: number) => value.toString(16).toUpperCase().padStart(8, "0");
    const upid = `UPID:${node}:${hex(++this.#count)}:${hex(this.#count * 7)}:${hex(Math.floor(Date.now() / 1000))}:${type}:${id}:${user}:`;
    const task: Task = {
      upid,
      node,
      type,
      id,
      user,
      startedAt: performance.now(),
      endedAt: undefined,
      exitStatus: undefined,
      log: [],
    };
    this.#tasks.set(upid, task);
    const run = this.#run(task, work).finally(() => this.#running.delete(run));
    this.#running.add(run);
    return upid;
  }

  status(upid: string) {
    const { endedAt, exitStatus, type, id, user, node } = this.#find(upid);
    const common = { upid, type, id, user, node };
    return endedAt === undefined
      ? { ...common, status: "running" }
      : { ...common, status: "stopped", exitstatus: exitStatus };
  }

  log(upid: string, start: number, limit: number) {
    const lines = this.#find(upid).log.map((t, index) => ({ n: index + 1, t }));
    return lines.slice(start, limit === 0 ? undefined : start + limit);
  }

  /** Returns when a task ended, by `performance.now()`. */
  endedAt(upid: string): number | undefined {
    return this.#tasks.get(upid)?.endedAt;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #run(task: Task, work: (task: TaskHandle) => void | Promise<void>): Promise<void> {
    let warnings = 0;
    await new Promise((resolve) => setTimeout(resolve, this.durationMs));
    try {
      await work({
        log: (line) => void task.log.push(line),
        warn: (line) => {
          warnings++;
          task.log.push(`WARN: ${line}`);
        },
      });
      task.exitStatus = warnings > 0 ? `WARNINGS: ${warnings}` : "OK";
      task.log.push(`TASK ${task.exitStatus}`);
    } catch (error) {
      task.exitStatus = (error as Error).message;
      task.log.push(`TASK ERROR: ${task.exitStatus}`);
    }
    task.endedAt = performance.now();
  }

  #find(upid: string): Task {
    const task = this.#tasks.get(upid);
    if (task === undefined || performance.now() < task.startedAt + this.unknownMs) {
      throw new Refusal(400, "Parameter verification failed.", { upid: "no such task" });
    }
    return task;
  }
}
