import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeSshKey, type SshKey } from "./ssh-key.ts";
import { startSshd, type Sshd } from "./sshd.ts";

/** An sshd with a host key and a user's key, in a separate folder. */
export interface SshLab {
  folder: string;
  hostKey: SshKey;
  userKey: SshKey;
  sshd: Sshd;
  /** The required fields of the input `connection`. */
  connection: {
    host: string;
    port: number;
    user: string;
    hostPublicKeys: string[];
    privateKey: { file: string };
  };
  /** Starts a stopped server again, on the same port. */
  restart(): Promise<void>;
  /** Stops the server and removes the folder. */
  stop(): Promise<void>;
}

export async function startSshLab(options: { extraConfig?: string[] } = {}): Promise<SshLab> {
  const folder = await mkdtemp(join(tmpdir(), "ssh-lab-"));
  const [hostKey, userKey] = await Promise.all([makeSshKey(folder, "host"), makeSshKey(folder, "user")]);
  const settings = {
    folder,
    hostKeyFiles: [hostKey.file],
    authorizedKeys: [userKey.publicKey],
    ...options,
  };
  const sshd = await startSshd(settings);
  const { host, port, user } = sshd;
  const lab: SshLab = {
    folder,
    hostKey,
    userKey,
    sshd,
    connection: {
      host,
      port,
      user,
      hostPublicKeys: [hostKey.publicKey],
      privateKey: { file: userKey.file },
    },
    async restart() {
      lab.sshd = await startSshd({ ...settings, port });
    },
    async stop() {
      await lab.sshd.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  return lab;
}
