import type { Link } from "./link.ts";
import { endLinks } from "./route.ts";

/** A connection to a host, from {@link connect} or {@link waitForSsh}; `runScript` and `openScript` use it. */
export class SshConnection {
  /** The key that the host presented: a line for `hostPublicKeys`. */
  readonly hostPublicKey: string;
  /** The name for messages, such as `web1:22`. */
  readonly label: string;
  readonly user: string;
  /** The signal of the context. When it is aborted, the connection and the scripts on the host end. */
  readonly signal: AbortSignal;
  /** The link to the host itself, behind its jump hosts. */
  readonly link: Link;
  readonly #links: readonly Link[];

  constructor(links: readonly Link[], signal: AbortSignal) {
    this.link = links.at(-1)!;
    this.hostPublicKey = this.link.hostPublicKey;
    this.label = this.link.endpoint.label;
    this.user = this.link.endpoint.user;
    this.signal = signal;
    this.#links = links;
  }

  /** Ends the connection and those to the jump hosts. */
  end(): void {
    endLinks(this.#links);
  }
}
