// A minimal TFTP server in Node: one file, one block size, no retransmission. No server in Node can be faster, so it
// shows how much slower than dnsmasq Node is. Arguments: the address, the port, the file.
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";

const BLOCK_SIZE = 1432;
const [address, port, file] = process.argv.slice(2);
const content = readFileSync(file!);
const optionsAck = Buffer.from(`\0\u0006blksize\0${BLOCK_SIZE}\0tsize\0${content.length}\0`);

const server = createSocket("udp4");
server.on("message", (_request, client) => {
  const lookup = (
    host: string,
    _options: object,
    done: (error: null, host: string, family: number) => void,
  ) => done(null, host, 4);
  const socket = createSocket({ type: "udp4", lookup });
  let sent = 0;
  socket.on("message", (ack) => {
    if (ack.readUInt16BE(2) !== (sent & 0xffff)) return;
    if (sent * BLOCK_SIZE > content.length) {
      socket.close();
      return;
    }
    const header = Buffer.from([0, 3, (sent + 1) >> 8, sent + 1]);
    const block = content.subarray(sent * BLOCK_SIZE, (sent + 1) * BLOCK_SIZE);
    sent++;
    socket.send([header, block], client.port, client.address);
  });
  socket.bind(0, address, () => socket.send(optionsAck, client.port, client.address));
});
server.bind(Number(port), address, () => process.stderr.write("ready\n"));
