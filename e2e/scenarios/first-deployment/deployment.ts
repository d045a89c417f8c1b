import { join } from "node:path";
import { builtProvider, graph, type Evaluator, type View } from "../../harness/index.ts";

export interface FirstDeployment {
  /** The folder for all files. */
  folder: string;
  /** The server's port on loopback. */
  port: number;
  user: string;
  /** The server's message of the day. */
  motd: string;
}

/** Returns the paths of the members' files, by member. */
export function filesOf(folder: string) {
  return {
    state: join(folder, "state.json"),
    hostKey: join(folder, "keys", "host"),
    deployerKey: join(folder, "keys", "deployer"),
    motd: join(folder, "server", "motd"),
    inventory: join(folder, "inventory.json"),
  };
}

/** The resource types by member, in the order in which they are shown. */
export const memberTypes = {
  state: "local.state_file",
  hostKey: "ssh-keypair.keypair",
  deployerKey: "ssh-keypair.keypair",
  server: "ssh.wait",
  system: "ssh.exec",
  motd: "ssh.file",
  inventory: "local.file",
};

export type MemberName = keyof typeof memberTypes;

/**
 * Creates a deployment with keys for a server and its deployer, the server itself over SSH, and an inventory of the
 * results.
 */
export function firstDeployment({ folder, port, user, motd }: FirstDeployment): Evaluator {
  const files = filesOf(folder);
  const local = { executable: builtProvider("local") };
  const sshKeypair = { executable: builtProvider("ssh-keypair") };
  const ssh = { executable: builtProvider("ssh") };

  const connect = (hostPublicKey: unknown, { deployerKey }: View<"deployerKey">) => ({
    host: "127.0.0.1",
    port,
    user,
    hostPublicKeys: [hostPublicKey],
    privateKey: { file: deployerKey.outputs["privateKeyFile"] },
  });
  // This uses the output of `server`, so its member only runs when the server is up.
  const connection = (members: View<"deployerKey" | "server">) =>
    connect(members.server.outputs["hostPublicKey"], members);

  return graph({
    state: { provider: local, type: "state_file", inputs: { name: files.state } },
    hostKey: {
      provider: sshKeypair,
      type: "keypair",
      state: "state",
      inputs: { comment: "host key of the first server", privateKeyFile: files.hostKey },
    },
    deployerKey: {
      provider: sshKeypair,
      type: "keypair",
      state: "state",
      inputs: { comment: "deployer", privateKeyFile: files.deployerKey },
    },
    server: {
      provider: ssh,
      type: "wait",
      inputs: { connection: (members) => connect(members.hostKey.outputs["publicKey"], members) },
    },
    system: { provider: ssh, type: "exec", inputs: { connection, argv: ["uname", "-sr"] } },
    motd: { provider: ssh, type: "file", inputs: { connection, path: files.motd, contents: motd } },
    inventory: {
      provider: local,
      type: "file",
      inputs: {
        name: files.inventory,
        contents: ({ server, deployerKey, system }) =>
          `${JSON.stringify(
            {
              address: `127.0.0.1:${port}`,
              hostPublicKey: server.outputs["hostPublicKey"],
              deployer: deployerKey.outputs["fingerprint"],
              system: String(system.outputs["stdout"]).trim(),
            },
            null,
            2,
          )}\n`,
      },
    },
  });
}
