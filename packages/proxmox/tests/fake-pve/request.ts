/** The parameters of a request, as strings whatever they came as. */
export type Parameters = Record<string, string>;

export interface FakeRequest {
  method: string;
  /** Below /api2/json, without the query. */
  path: string;
  params: Parameters;
  tokenId: string;
  /** Of an upload: the file that came with it. */
  file?: { name: string; size: number; sha256: string };
}

export interface FakeAnswer {
  status: number;
  reason?: string;
  data?: unknown;
  errors?: Record<string, string>;
  /** The connection ends without this answer, though what was asked for happened. */
  lost?: boolean;
}

/** A refusal: the text is on the status line and in the body. */
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

/** Around the server: sees a request before it, and its answer after it. */
export type Fault = (request: FakeRequest, next: () => Promise<FakeAnswer>) => Promise<FakeAnswer>;
