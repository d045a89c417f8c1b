import { once } from "node:events";
import { connect } from "node:net";

/** SSH_AGENTC_REQUEST_IDENTITIES, alone in a packet: draft-ietf-sshm-ssh-agent. */
const REQUEST_IDENTITIES = Buffer.from([0, 0, 0, 1, 11]);
const IDENTITIES_ANSWER = 12;

const MAX_ANSWER_BYTES = 256 * 1024;

/** Returns the types of the keys and certificates that an SSH agent has, such as `ssh-ed25519`. */
export async function listKeyTypes(socketPath: string): Promise<string[]> {
  const socket = connect(socketPath);
  try {
    await once(socket, "connect");
    socket.write(REQUEST_IDENTITIES);
    let answer = Buffer.alloc(0);
    for await (const chunk of socket) {
      answer = Buffer.concat([answer, chunk as Buffer]);
      if (answer.length > MAX_ANSWER_BYTES) throw new Error("its answer is too long");
      if (answer.length >= 4 && answer.length >= 4 + answer.readUInt32BE(0)) return parse(answer.subarray(4));
    }
    throw new Error("it closed the connection");
  } finally {
    socket.destroy();
  }
}

function parse(answer: Buffer): string[] {
  if (answer[0] !== IDENTITIES_ANSWER) throw new Error("it refused");
  const count = answer.readUInt32BE(1);
  const types: string[] = [];
  for (let at = 5; types.length < count;) {
    const blobLength = answer.readUInt32BE(at);
    const typeLength = answer.readUInt32BE(at + 4);
    types.push(answer.toString("latin1", at + 8, at + 8 + typeLength));
    const commentAt = at + 4 + blobLength;
    at = commentAt + 4 + answer.readUInt32BE(commentAt);
  }
  return types;
}
