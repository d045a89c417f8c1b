import { randomBytes } from "node:crypto";
import type { BootCore } from "../../core/api.ts";
import { inOrder } from "./condition.ts";
import { machineCard } from "./machine-card.ts";
import { shownMachines, type Shown, type ShownMachine } from "./shown-machine.ts";
import { summary } from "./summary.ts";

/** The changes from an earlier revision to the current one. */
export interface BoardChange {
  at: number;
  summary: string;
  /** The keys of all machines, in the order of the page. */
  order: string[];
  /** The cards that have changed, by key. */
  cards: Record<string, string>;
}

/** The status in the order of the page, with the revision in which each machine last changed. */
export class Board {
  #core: Pick<BootCore, "status">;
  /** Identifies this run of the service: revisions of earlier runs are unknown. */
  #run = randomBytes(6).toString("base64url");
  #revision = 0;
  #order = "";
  #machines = new Map<string, { content: string; changedIn: number }>();
  #shown: Shown;
  /** The latest answer, because most pages request the same one. */
  #latest: { from: string; to: string; json: string } | undefined;

  constructor(core: Pick<BootCore, "status">) {
    this.#core = core;
    this.#shown = this.refresh();
  }

  /** The time of the last refresh, by the core's clock. */
  get at(): number {
    return this.#shown.at;
  }

  /** Changes whenever the content of the page changes. */
  get revision(): string {
    return `${this.#run}.${this.#revision}`;
  }

  /** Reads the status from the core, and returns it in the order of the page. */
  refresh(): Shown {
    const { at, startedAt, machines: cards } = this.#core.status();
    this.#shown = { at, startedAt, machines: inOrder(shownMachines(cards)) };
    const next = this.#revision + 1;
    const machines = new Map(
      this.#shown.machines.map((machine) => [machine.key, this.#compare(machine, next)]),
    );
    const order = [...machines.keys()].join();
    const changed =
      order !== this.#order || [...machines.values()].some(({ changedIn }) => changedIn === next);
    if (changed) this.#revision = next;
    this.#order = order;
    this.#machines = machines;
    return this.#shown;
  }

  /** Returns a {@link BoardChange} as JSON, from the revision of a page. All cards if that revision is unknown. */
  changeSince(revision: string): string {
    if (this.#latest?.from !== revision || this.#latest.to !== this.revision) {
      this.#latest = { from: revision, to: this.revision, json: JSON.stringify(this.#changeSince(revision)) };
    }
    return this.#latest.json;
  }

  #changeSince(revision: string): BoardChange {
    const [run, number] = revision.split(".");
    const since = run === this.#run ? Number(number) : -1;
    const { at, machines } = this.#shown;
    const changed = machines.filter(({ key }) => !(this.#machines.get(key)!.changedIn <= since));
    return {
      at,
      summary: summary(this.#shown).text,
      order: machines.map(({ key }) => key),
      cards: Object.fromEntries(changed.map((machine) => [machine.key, machineCard(machine, at).text])),
    };
  }

  #compare(machine: ShownMachine, next: number): { content: string; changedIn: number } {
    const before = this.#machines.get(machine.key);
    const content = JSON.stringify(machine);
    return content === before?.content ? before : { content, changedIn: next };
  }
}
