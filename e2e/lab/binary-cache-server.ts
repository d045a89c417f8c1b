// Serves the Nix store of this machine as a signed binary cache, like harmonia on a landscaper. Arguments: the address,
// the port, and the file with the secret key in Nix's format.
import { execFile, spawn } from "node:child_process";
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { promisify } from "node:util";

const STORE = "/nix/store";
const [address, port, keyFile] = process.argv.slice(2);
const [keyName, secret] = readFileSync(keyFile!, "utf8").trim().split(":");
// The seed and the public key, after a header for ed25519 (RFC 8410).
const pkcs8 = Buffer.concat([
  Buffer.from("302e020100300506032b657004220420", "hex"),
  Buffer.from(secret!, "base64").subarray(0, 32),
]);
const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });

createServer((request, response) => {
  answer(request.url!, response).catch(() => {
    if (response.headersSent) response.destroy();
    else response.writeHead(404).end();
  });
}).listen(Number(port), address, () => console.log("ready"));

async function answer(url: string, response: ServerResponse): Promise<void> {
  const [, hash, kind] = /^\/([0-9a-z]{32})\.(narinfo|nar)$/.exec(url) ?? [];
  if (url === "/nix-cache-info") response.end(`StoreDir: ${STORE}\nWantMassQuery: 1\nPriority: 30\n`);
  else if (hash === undefined) response.writeHead(404).end();
  else if (kind === "narinfo") response.end(await narInfo(hash));
  else {
    const dump = spawn("nix-store", ["--dump", await findPath(hash)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    dump.on("exit", (code) => code !== 0 && response.destroy());
    dump.stdout.pipe(response);
  }
}

async function narInfo(hash: string): Promise<string> {
  const path = await findPath(hash);
  // Each line is one of: path, hash, size, deriver, number of references, references.
  const { stdout } = await promisify(execFile)("nix-store", ["--dump-db", path]);
  const [, hex, size, , , ...rest] = stdout.split("\n");
  const references = rest.filter((line) => line !== "");
  const narHash = `sha256:${base32(Buffer.from(hex!, "hex"))}`;
  const fingerprint = ["1", path, narHash, size, references.join(",")].join(";");
  return [
    `StorePath: ${path}`,
    `URL: ${hash}.nar`,
    "Compression: none",
    `NarHash: ${narHash}`,
    `NarSize: ${size}`,
    `References: ${references.map((reference) => reference.slice(STORE.length + 1)).join(" ")}`,
    `Sig: ${keyName}:${sign(null, Buffer.from(fingerprint), key).toString("base64")}`,
    "",
  ].join("\n");
}

async function findPath(hash: string): Promise<string> {
  const name = (await readdir(STORE)).find(
    (entry) => entry.startsWith(`${hash}-`) && !entry.endsWith(".lock"),
  );
  if (name === undefined) throw new Error(`there is no ${hash}`);
  return `${STORE}/${name}`;
}

/** Encodes bytes in Nix's base32: a different alphabet, and the last five bits first. */
function base32(bytes: Buffer): string {
  const digits = BigInt(`0x${Buffer.from(bytes.toReversed()).toString("hex")}`)
    .toString(32)
    .padStart(52, "0");
  return digits.replace(/./g, (digit) => "0123456789abcdfghijklmnpqrsvwxyz"[parseInt(digit, 32)]!);
}
