/** The parameters of a request, all as strings. */
export type Parameters = Record<string, string>;

export interface FakeRequest {
  method: string;
  /** The path below /api2/json, without the query. */
  path: string;
  params: Parameters;
  tokenId: string;
  /** The uploaded file. */
  file?: { name: string; size: number; sha256: string };
}

export interface FakeAnswer {
  status: number;
  reason?: string;
  data?: unknown;
  errors?: Record<string, string>;
  /** Whether the connection is closed without this answer. The request was carried out. */
  lost?: boolean;
}

/** An error status. The message is sent on the status line and in the body. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly errors: Record<string, string> | undefined;

  constructor(status: number, message: string, errors?: Record<string, string>) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

/** A middleware around the server. It may change the request and its answer. */
export type Fault = (request: FakeRequest, next: () => Promise<FakeAnswer>) => Promise<FakeAnswer>;
