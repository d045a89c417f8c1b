import { execFile } from "node:child_process";
import * as fs from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { BootService } from "../lab/boot-service.ts";

/** A machine that boots from the network: the requests that its firmware and installer send to the server. */
export class NetbootingMachine {
  /** The folder with the files of its overlay, under their paths. */
  readonly folder: string;

  static async boot(server: BootService, mac: string, folder: string): Promise<NetbootingMachine> {
    const path = `${server.url}/machines/${mac.replaceAll(":", "-")}/boot.ipxe`;
    const script = await (await fetch(`${path}?firmware=efi&architecture=x86_64`)).text();
    const overlay = /\S+\/overlay\.cpio/.exec(script)?.[0];
    if (overlay === undefined) throw new Error(`${mac} is not to install itself:\n${script}`);
    const archive = join(folder, "overlay.cpio");
    await fs.writeFile(archive, Buffer.from(await (await fetch(overlay)).arrayBuffer()));
    const extract = [
      "--extract",
      "--make-directories",
      "--no-absolute-filenames",
      "--quiet",
      "--file",
      archive,
    ];
    await promisify(execFile)("cpio", extract, { cwd: folder });
    return new NetbootingMachine(folder);
  }

  private constructor(folder: string) {
    this.folder = folder;
  }

  file(name: string): Promise<string> {
    return fs.readFile(join(this.folder, "nixops4", name), "utf8");
  }

  /** Claims the installation, and reports that it is done. */
  async install(): Promise<void> {
    await this.#tell("claim", {});
    await this.#tell("report", { stage: "finish", outcome: "installed" });
  }

  async #tell(what: string, body: object): Promise<void> {
    const response = await fetch(`${(await this.file("job-url")).trim()}/${what}`, {
      method: "POST",
      headers: { authorization: `Bearer ${(await this.file("token")).trim()}` },
      body: JSON.stringify({ bootId: "a-boot", ...body }),
    });
    if (!response.ok) throw new Error(`${what}: ${response.status} ${await response.text()}`);
  }
}
