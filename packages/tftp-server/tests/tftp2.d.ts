declare module "tftp2" {
  interface Client {
    /** Reads in lockstep with 512-byte blocks; never ends if a packet gets lost for good. */
    read(filename: string, push: (data: Buffer) => void, done: () => void): Promise<void>;
    close(): void;
  }
  export default function tftp(host: string, port: number): Client;
}
