import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "@jest/globals";
import { downloadByTftp } from "@nixops4-providers/test-servers";

const PACKAGE = join(import.meta.dirname, "..");

it("the README's first example serves a folder, tells of it, and stops", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tftp-readme-"));
  await writeFile(join(folder, "boot.efi"), "a boot program");
  const server = spawn(process.execPath, ["--import", "tsx", "--input-type=module"], {
    cwd: PACKAGE,
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
    const line = async () => (await lines.next()).value as string;
    server.stdin.end(replaced(await example(), { "port: 6969": "port: 0", "/srv/tftp": folder }));
    const port = Number(/^port (\d+)$/.exec(await line())?.[1]);
    expect((await downloadByTftp(port, "boot.efi")).data.toString()).toBe("a boot program");
    expect(await line()).toBe("request boot.efi 127.0.0.1");
    expect(await line()).toBe("finished boot.efi 127.0.0.1");
    server.kill("SIGTERM");
    const [code] = (await once(server, "exit")) as [number | null];
    expect(code).toBe(0);
  } finally {
    server.kill("SIGKILL");
    await rm(folder, { recursive: true });
  }
});

async function example(): Promise<string> {
  const readme = await readFile(join(PACKAGE, "README.md"), "utf8");
  return /```js\n(.*?)```/s.exec(readme)![1]!;
}

function replaced(text: string, changes: Record<string, string>): string {
  for (const [before, after] of Object.entries(changes)) {
    expect(text).toContain(before);
    text = text.replace(before, after);
  }
  return text;
}
