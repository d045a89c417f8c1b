import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let generated: { key: string; certificate: string; fingerprint: string } | undefined;

/** Returns a key and a self-signed certificate for 127.0.0.1, generated once per process. */
export function makeCertificate() {
  if (generated !== undefined) return generated;
  const folder = mkdtempSync(join(tmpdir(), "fake-pve-"));
  try {
    const [key, certificate] = [join(folder, "key"), join(folder, "certificate")];
    execFileSync(
      "openssl",
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=pve -addext subjectAltName=IP:127.0.0.1 -keyout ${key} -out ${certificate}`.split(
        " ",
      ),
      { stdio: "pipe" },
    );
    const text = readFileSync(certificate, "utf8");
    generated = {
      key: readFileSync(key, "utf8"),
      certificate: text,
      fingerprint: new X509Certificate(text).fingerprint256,
    };
    return generated;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
